window.ui=window.SwaggerUIBundle({url:"/api/openapi.json",dom_id:"#viewer",deepLinking:!0,persistAuthorization:!1,tryItOutEnabled:!0,validatorUrl:null,defaultModelsExpandDepth:0});
