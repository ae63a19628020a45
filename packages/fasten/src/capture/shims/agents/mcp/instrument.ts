// SPDX-License-Identifier: Apache-2.0
import type { ActorKind } from '../../../../core/row.ts'
import type { RequestContext } from '../../../context.ts'
import { leaveStdout } from '../../../stdout.ts'
import { isObject } from './message.ts'
import type { RecordingOptions } from './tool-calls.ts'
import { tapTransport, type CallWatch, type McpTransport } from './tap.ts'

/** What a server's own authentication found: `authInfo` of both SDKs. Never taken from a message. */
export interface McpAuth {
  readonly clientId?: string
  readonly scopes?: readonly string[]
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface McpOptions extends RecordingOptions {
  /**
   * Ids that stand for work outside any request (`scheduler-…`) are kept as they are. Say so only where nobody but our own processes can
   * call, such as a server on stdio that we start ourselves. Default false.
   */
  readonly trustsSentinels?: boolean
  /**
   * Who calls, by what the server's authentication found (undefined where it found nobody). Default: `clientId` is the actor, an agent, and
   * a `sub` among the `extra` facts is on whose behalf. `_meta` has no say in it.
   */
  readonly identify?: (auth: McpAuth | undefined) => Partial<RequestContext>
}

/** An `McpServer`, `Server` or `Client` of either SDK, or one of these classes. */
export type McpPeer =
  | { connect(transport: never): unknown }
  | { readonly prototype: { connect(transport: never): unknown } }

/** Undoes what an `instrument…` function did. Calls in progress are told to their end. */
export type Undo = () => void

type Connect = (transport: unknown, ...rest: unknown[]) => unknown
interface Connecting {
  connect: Connect
  readonly transport?: unknown
}

const instrumented = new WeakMap<object, Undo>()

/** Taps every transport that `peer` connects to, and the one it is connected to. A peer that is instrumented stays as it is. */
export function instrumentPeer(
  peer: McpPeer,
  what: string,
  watch: (connecting: object) => CallWatch,
  options: McpOptions,
): Undo {
  const target = connectingOf(peer, what)
  const already = instrumented.get(target)
  if (already !== undefined) return already
  let isOn = true
  const tap = (transport: unknown, by: object): void => {
    if (!isTransport(transport)) return
    if (speaksOnStdout(transport)) leaveStdout()
    tapTransport(transport, {
      watch: watch(by),
      known: knownBy(options.identify ?? identifyByToken),
      trustsSentinels: options.trustsSentinels ?? false,
      isOn: () => isOn,
    })
  }
  const own = Object.getOwnPropertyDescriptor(target, 'connect')
  const { connect } = target
  const connecting: Connect = function (this: object, transport, ...rest) {
    if (isOn) tap(transport, this)
    return Reflect.apply(connect, this, [transport, ...rest])
  }
  Object.defineProperty(target, 'connect', {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value: connecting,
  })
  if (typeof peer === 'object') tap(target.transport, target)
  const undo = (): void => {
    isOn = false
    instrumented.delete(target)
    // Whoever wrapped `connect` after us keeps it; ours then only passes on.
    if (target.connect !== connecting) return
    if (own === undefined) delete (target as { connect?: Connect }).connect
    else Object.defineProperty(target, 'connect', own)
  }
  instrumented.set(target, undo)
  return undo
}

function connectingOf(peer: unknown, what: string): Connecting {
  const { prototype, server } = (peer ?? {}) as { readonly prototype?: unknown; readonly server?: unknown }
  // An `McpServer` has the `Server` inside that some connect directly.
  const candidates = typeof peer === 'function' ? [prototype] : [server, peer]
  const found = candidates.find(
    (each) => typeof (each as Partial<Connecting> | null | undefined)?.connect === 'function',
  )
  if (found === undefined) throw new TypeError(`${what}: give one of the MCP SDK, or its class`)
  return found as Connecting
}

function isTransport(transport: unknown): transport is McpTransport {
  return isObject(transport) && typeof transport['send'] === 'function'
}

/** Of both SDKs, by a member that neither promises; `serveStdio` puts a transport of its own before the one on stdio. */
function speaksOnStdout(transport: object): boolean {
  const { _stdout, _wire } = transport as { readonly _stdout?: unknown; readonly _wire?: unknown }
  const out = _stdout ?? (isObject(_wire) ? _wire['_stdout'] : undefined)
  return out !== undefined && out === process.stdout
}

function knownBy(identify: NonNullable<McpOptions['identify']>): (extra: unknown) => Partial<RequestContext> {
  return (extra) => {
    const auth = isObject(extra) ? extra['authInfo'] : undefined
    return identify(isObject(auth) ? auth : undefined)
  }
}

function identifyByToken(auth: McpAuth | undefined): Partial<RequestContext> {
  if (auth === undefined) return {}
  const { clientId, extra } = auth
  const subject = isObject(extra) ? extra['sub'] : undefined
  return {
    ...(typeof clientId === 'string' && clientId !== ''
      ? { actor: clientId, actor_kind: 'agent' satisfies ActorKind }
      : {}),
    ...(typeof subject === 'string' && subject !== '' ? { on_behalf_of: subject } : {}),
  }
}
