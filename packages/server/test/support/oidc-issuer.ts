import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters } from 'jose';
import { Provider } from 'oidc-provider';

export const audience = 'https://proofhouse.test/api';

/** A client of the provider and the claims that the provider adds to its tokens. */
export interface OidcClient {
  readonly id: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A key with which an issuer signs. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
}

export async function signingKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const common = { kid, use: 'sig', alg: 'RS256' };
  return {
    kid,
    privateKey,
    privateJwk: { ...(await exportJWK(privateKey)), ...common },
    publicJwk: { ...(await exportJWK(publicKey)), ...common },
  };
}

/** An OpenID Connect provider (`oidc-provider`) on a loopback port. It counts its requests. */
export class OidcIssuer {
  readonly url: string;
  readonly key: SigningKey;
  /** The paths of all requests. */
  readonly requests: string[] = [];
  readonly #server: Server;
  #answer: RequestListener;

  private constructor(server: Server, key: SigningKey, clients: readonly OidcClient[]) {
    this.#server = server;
    this.key = key;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    this.#answer = providerOf(this.url, key, clients);
    server.on('request', (request, response) => {
      this.requests.push(request.url ?? '');
      this.#answer(request, response);
    });
  }

  static async start(clients: readonly OidcClient[] = []): Promise<OidcIssuer> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new OidcIssuer(server, await signingKey('first'), clients);
  }

  /** Replaces all answers of the provider. */
  answerWith(answer: RequestListener): void {
    this.#answer = answer;
  }

  /** Makes the provider answer with another set of keys. */
  rotateTo(key: SigningKey, clients: readonly OidcClient[] = []): void {
    this.#answer = providerOf(this.url, key, clients);
  }

  /** Returns an access token that the provider issued to the client (RFC 6749 section 4.4). */
  async tokenFor(client: OidcClient): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client.id}:${passwordOf(client)}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
    });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token === undefined) throw new Error(JSON.stringify(body));
    return body.access_token;
  }

  /** Returns a token with these claims and this header, signed with the key of the provider or with another. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    { now, header = {}, key = this.key }: { now: number; header?: Partial<JWTHeaderParameters>; key?: SigningKey },
  ): Promise<string> {
    const seconds = Math.floor(now / 1000);
    const usual = { iss: this.url, aud: audience, sub: 'somebody', iat: seconds, exp: seconds + 600 };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'at+jwt', ...header })
      .sign(key.privateKey);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

function passwordOf({ id }: OidcClient): string {
  return `password-of-${id}`;
}

function providerOf(url: string, key: SigningKey, clients: readonly OidcClient[]): RequestListener {
  const provider = new Provider(url, {
    clients: clients.map((client) => ({
      client_id: client.id,
      client_secret: passwordOf(client),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    jwks: { keys: [{ ...key.privateJwk }] as never },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          ...{ scope: '', audience, accessTokenTTL: 600, accessTokenFormat: 'jwt' as const },
          jwt: { sign: { alg: 'RS256' as const } },
        }),
      },
    },
    extraTokenClaims: (_context, token) => ({ ...clients.find(({ id }) => id === token.clientId)?.claims }),
  });
  const answer = provider.callback();
  return (request, response) => {
    void answer(request, response);
  };
}
