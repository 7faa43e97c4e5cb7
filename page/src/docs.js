import './docs.css'

window.ui = window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#viewer',
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null, // the document goes to nobody
  defaultModelsExpandDepth: 0,
})
