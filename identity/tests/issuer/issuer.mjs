// A real OpenID Connect issuer (oidc-provider) on the loopback interface, for the tests.
//
// The first argument is JSON: `port` (0 for a free one) and `algorithm`, what it signs with.
// It prints `ready ISSUER`, then answers each line of its standard input with one line:
//   rotate   adds a key and signs with it from then on; the keys before it stay published
//   asked    how often each path was asked for, as JSON
// It ends when its standard input does.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const packages = createRequire(`${process.env.DAYBOOK_NODE_PACKAGES}/`);
const { default: Provider } = await import(pathToFileURL(packages.resolve('oidc-provider')).href);

// Its notices must not come between our answers.
console.info = console.warn;

const { port, algorithm } = JSON.parse(process.argv[2]);
const keys = [];
const asked = {};
let issuer;
let answer;

function addKey() {
  const kinds = {
    ES256: ['ec', { namedCurve: 'P-256' }],
    ES384: ['ec', { namedCurve: 'P-384' }],
    EdDSA: ['ed25519', {}],
    Ed25519: ['ed25519', {}],
  };
  const [kind, options] = kinds[algorithm] ?? ['rsa', { modulusLength: 2048 }];
  const key = generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' });
  // oidc-provider signs with the first key that fits.
  keys.unshift({ ...key, kid: `key-${keys.length + 1}`, alg: algorithm, use: 'sig' });
}

function start() {
  const provider = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    enabledJWA: { idTokenSigningAlgValues: [algorithm] },
    clientDefaults: { id_token_signed_response_alg: algorithm },
    clients: [
      {
        client_id: 'machine',
        client_secret: 'secret of the machine',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
      {
        client_id: 'console',
        client_secret: 'secret of the console: %/+',
        redirect_uris: ['http://127.0.0.1:1/callback'],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          audience: resource,
          scope: 'accounts:read',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
    extraTokenClaims: () => ({ groups: ['ledger operators', 'cooks'] }),
    claims: { openid: ['sub', 'groups'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: ['ledger auditors'] }),
    }),
  });
  answer = provider.callback();
}

const server = createServer((request, response) => {
  const path = new URL(request.url, issuer).pathname;
  asked[path] = (asked[path] ?? 0) + 1;
  answer(request, response);
});

const commands = {
  rotate() {
    addKey();
    start();
    return keys[0].kid;
  },
  asked: () => JSON.stringify(asked),
};

server.listen(port, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  addKey();
  start();
  process.stdout.write(`ready ${issuer}\n`);
});
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => process.stdout.write(`${commands[line]()}\n`));
lines.on('close', () => process.exit(0));
