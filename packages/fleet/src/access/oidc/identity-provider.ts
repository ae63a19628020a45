// SPDX-License-Identifier: Apache-2.0
import * as client from 'openid-client'
import type { OidcConfig } from '../../config/access-config.ts'
import { Problem } from '../../web/problem.ts'
import type { LoginState } from './sealed-state.ts'

/** What the provider says of somebody. */
export interface ProvenIdentity {
  readonly issuer: string
  readonly subject: string
  /** What it calls the person, for people to read. */
  readonly name: string
  readonly groups: readonly string[]
}

export interface IdentityProvider {
  /** Where to send the browser, and what to remember until it comes back. */
  begin(): Promise<{ readonly url: URL; readonly login: Pick<LoginState, 'state' | 'nonce' | 'verifier'> }>
  /**
   * Who came back with this address. Throws Problem 401 `LOGIN_REFUSED`, whose cause has the reason, when the provider or one of the checks says
   * no (state, nonce, issuer, PKCE, signature, audience, expiry), and 503 `IDENTITY_PROVIDER_AWAY`.
   */
  finish(returned: URL, login: Pick<LoginState, 'state' | 'nonce' | 'verifier'>): Promise<ProvenIdentity>
}

const groupsMax = 1000

/** The OpenID Connect provider of the configuration. Its metadata are read at the first login and again after a failure, so the fleet starts without it. */
export function identityProvider(config: OidcConfig, redirectUri: string): IdentityProvider {
  let found: Promise<client.Configuration> | undefined
  const provider = async (): Promise<client.Configuration> => {
    found ??= discover(config)
    try {
      return await found
    } catch (cause) {
      found = undefined
      throw away(cause)
    }
  }
  return {
    async begin() {
      const verifier = client.randomPKCECodeVerifier()
      const login = { state: client.randomState(), nonce: client.randomNonce(), verifier }
      const url = client.buildAuthorizationUrl(await provider(), {
        redirect_uri: redirectUri,
        scope: config.scopes,
        state: login.state,
        nonce: login.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url, login }
    },
    async finish(returned, { state, nonce, verifier }) {
      const known = await provider()
      try {
        const tokens = await client.authorizationCodeGrant(known, returned, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (claims === undefined) throw new TypeError('the provider answered no ID token')
        const { userinfo_endpoint } = known.serverMetadata()
        const isComplete =
          claims[config.groupsClaim] !== undefined && claims['preferred_username'] !== undefined
        const more =
          isComplete || userinfo_endpoint === undefined
            ? {}
            : await client.fetchUserInfo(known, tokens.access_token, claims.sub)
        return identityOf({ ...more, ...claims }, config)
      } catch (cause) {
        throw isAway(cause) ? away(cause) : refused(cause)
      }
    },
  }
}

async function discover({ issuer, clientId, clientSecret }: OidcConfig): Promise<client.Configuration> {
  const secret = clientSecret?.()
  const isPlain = issuer.startsWith('http:')
  const found = await client.discovery(
    new URL(issuer),
    clientId,
    {},
    secret === undefined ? client.None() : client.ClientSecretBasic(secret),
    { timeout: 10, ...(isPlain ? { execute: [client.allowInsecureRequests] } : {}) },
  )
  // The signature of the ID token is checked, although it comes over TLS from the provider itself.
  client.enableNonRepudiationChecks(found)
  return found
}

function identityOf(claims: Readonly<Record<string, unknown>>, config: OidcConfig): ProvenIdentity {
  const said = claims[config.groupsClaim]
  const groups = typeof said === 'string' ? [said] : Array.isArray(said) ? said : []
  const names = [claims['preferred_username'], claims['email'], claims['sub']]
  return {
    issuer: config.issuer,
    subject: String(claims['sub']),
    name: names.find((name): name is string => typeof name === 'string' && name !== '') ?? 'somebody',
    groups: [...new Set(groups.filter((group): group is string => typeof group === 'string'))].slice(
      0,
      groupsMax,
    ),
  }
}

function isAway(cause: unknown): boolean {
  if (cause instanceof client.ResponseBodyError || cause instanceof client.AuthorizationResponseError)
    return false
  const code = (cause as { readonly code?: unknown } | null)?.code
  return code === 'OAUTH_TIMEOUT' || (cause instanceof TypeError && cause.message === 'fetch failed')
}

const away = (cause: unknown): Problem =>
  new Problem(503, 'IDENTITY_PROVIDER_AWAY', 'the identity provider does not answer', {
    retryAfterS: 10,
    cause,
  })

const refused = (cause: unknown): Problem =>
  new Problem(401, 'LOGIN_REFUSED', 'the identity provider, or what it said, did not pass', {
    hint: 'begin the login again; the audit log of the fleet has the reason',
    cause,
  })
