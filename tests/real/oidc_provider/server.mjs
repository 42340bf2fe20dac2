// Starts oidc-provider with the settings that come as one line of JSON on standard input, on a port of the
// system's choice, and ends when standard input is closed. See tests/real/server_process.py.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { Provider } from 'oidc-provider';

const LOGIN_SECONDS = 600;

function readSettings() {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin });
    lines.once('line', (line) => resolve(JSON.parse(line)));
    lines.once('close', () => process.exit(0));
  });
}

function configuration(settings) {
  // Clients named `…-brief` get access tokens of a shorter life.
  const life = (ctx, token, client) =>
    client.clientId.endsWith('-brief') ? settings.brief_seconds : settings.token_seconds;
  return {
    clients: settings.clients,
    jwks: settings.server_keys,
    cookies: { keys: settings.cookie_keys },
    scopes: ['openid', 'offline_access', 'read'],
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true } },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // A refresh token with every code, as most providers do; a used one is replaced, and must not come back.
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'client_secret_jwt', 'none'],
    enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'RS256', 'ES256', 'Ed25519', 'EdDSA'] },
    ttl: {
      AccessToken: life,
      ClientCredentials: life,
      AuthorizationCode: 60,
      RefreshToken: 3600,
      IdToken: 300,
      Grant: 3600,
      Interaction: LOGIN_SECONDS,
      Session: LOGIN_SECONDS,
    },
  };
}

const page = (content) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>${content}</html>`;

const LOGIN = page(`<h1>Sign in</h1><form method="post"><input name="username" aria-label="User name">
<input name="password" type="password" aria-label="Password"><button type="submit">Sign in</button></form>`);

const CONSENT = page(`<h1>Consent</h1><form method="post"><button type="submit" name="allow" value="yes">Allow</button></form>`);

async function form(request) {
  let body = '';
  for await (const part of request) body += part;
  return new URLSearchParams(body);
}

async function granted(provider, { params, prompt, session, grantId }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  return grant.save();
}

async function interact(provider, settings, request, response) {
  const details = await provider.interactionDetails(request, response);
  const login = details.prompt.name === 'login';
  if (request.method !== 'POST') return answer(response, 200, 'text/html', login ? LOGIN : CONSENT);
  const fields = await form(request);
  if (!login) {
    const consent = { grantId: await granted(provider, details) };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
  if (fields.get('username') !== settings.username || fields.get('password') !== settings.password) {
    return answer(response, 403, 'text/html', page('<h1>Wrong user name or password</h1>'));
  }
  const result = { login: { accountId: settings.username } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

// The protected API: 200 for an access token that the provider knows, 401 for any other.
async function hello(provider, request, response) {
  const [scheme, value] = (request.headers.authorization ?? '').split(' ');
  const known = scheme === 'Bearer' && value;
  const token = known && ((await provider.AccessToken.find(value)) ?? (await provider.ClientCredentials.find(value)));
  if (!token) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="api", error="invalid_token"');
    return answer(response, 401, 'application/json', '{"detail":"not authenticated"}');
  }
  return answer(response, 200, 'application/json', JSON.stringify({ hello: token.accountId ?? token.clientId }));
}

function answer(response, status, type, text) {
  response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

const settings = await readSettings();
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, configuration(settings));
  provider.on('server_error', (ctx, error) => console.error('server_error', error));
  provider.on('grant.error', (ctx, error) => console.error(error.message, error.error_detail ?? ''));
  const answerByProvider = provider.callback();
  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1');
    const handled = pathname === '/api/hello'
      ? hello(provider, request, response)
      : pathname.startsWith('/interaction/')
        ? interact(provider, settings, request, response)
        : answerByProvider(request, response);
    Promise.resolve(handled).catch((error) => {
      console.error('server_error', error);
      if (!response.headersSent) answer(response, 500, 'text/plain', 'failed');
    });
  });
  console.log(`READY ${port}`);
});
