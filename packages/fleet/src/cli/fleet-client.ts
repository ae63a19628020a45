// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import { readJson } from 'fasten/core'

/** A running fleet, as a command asks it. */
export interface FleetClient {
  /** The JSON that it answers. Throws FastenError `FLEET_SILENT`, and `FLEET_COMMAND_REFUSED` with the fleet's own words. */
  ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>
  /** The answer itself, for what is streamed; throws as `ask` does. */
  open(
    method: 'GET' | 'POST',
    path: string,
    options?: { readonly headers?: Readonly<Record<string, string>> },
  ): Promise<Response>
}

/** What FLEET_URL and FLEET_TOKEN say. Throws FastenError `CONFIG_INVALID` when one of them is missing or no address. */
export function fleetTarget(env: Readonly<Record<string, string | undefined>>): {
  readonly url: string
  readonly token: string
} {
  const url = env['FLEET_URL'] ?? ''
  const token = env['FLEET_TOKEN'] ?? ''
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new FastenError('CONFIG_INVALID', 'FLEET_URL is the http or https address of a fleet', {
      at: 'FLEET_URL',
      hint: 'for the one on this machine: export FLEET_URL=http://127.0.0.1:7117',
    })
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new FastenError('CONFIG_INVALID', 'FLEET_TOKEN is a key of that fleet, in one line', {
      at: 'FLEET_TOKEN',
      hint: 'make the first one where the fleet runs: fleet admin key; further ones: fleet keys create',
    })
  return { url: url.replace(/\/+$/, ''), token }
}

/** The fleet at FLEET_URL, asked with the key in FLEET_TOKEN. Throws as `fleetTarget` does. */
export function fleetClient(env: Readonly<Record<string, string | undefined>>): FleetClient {
  const { url: base, token } = fleetTarget(env)
  const open = async (
    method: string,
    path: string,
    init: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(`${base}${path}`, { method, redirect: 'error', ...init, headers }).catch(
      (cause: unknown) => {
        throw new FastenError('FLEET_SILENT', `nothing answers: ${reasonOf(cause)}`, {
          at: base,
          hint: 'check FLEET_URL, and that the fleet runs: curl $FLEET_URL/readyz',
          cause,
        })
      },
    )
    if (response.ok) return response
    throw await refusalOf(response, `${method} ${base}${path.split('?', 1)[0] ?? ''}`)
  }
  return {
    open,
    async ask(method, path, body) {
      const init =
        body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      return readJson(await (await open(method, path, init)).text())
    },
  }
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message : String(inner)
}

async function refusalOf(response: Response, at: string): Promise<FastenError> {
  const said: unknown = await response
    .text()
    .then(readJson)
    .catch(() => undefined)
  const { code, detail, hint } = (typeof said === 'object' && said !== null ? said : {}) as Record<
    string,
    unknown
  >
  const words = typeof detail === 'string' ? detail : response.statusText
  const name = typeof code === 'string' ? code : String(response.status)
  return new FastenError('FLEET_COMMAND_REFUSED', `${name}: ${words}`, {
    at,
    ...(typeof hint === 'string' ? { hint } : {}),
  })
}
