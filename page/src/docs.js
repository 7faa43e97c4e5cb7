import './docs.css'

window.ui = window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#viewer',
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null, // the document is sent to no validator
  defaultModelsExpandDepth: 0,
})
