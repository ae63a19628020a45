// SPDX-License-Identifier: Apache-2.0
import type { Source } from '../../../core/row.ts'
import { contextOf, type ReceiveOptions } from '../../carriers/carrier.ts'
import { createMessageRows, type MessageRow, type MessageRowOptions } from '../../carriers/message-row.ts'
import { runWithContext, type RequestContext } from '../../context.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { grpcCarrier, type GrpcMetadata } from './metadata.ts'
import { endingOf } from './status.ts'

export interface GrpcServerOptions
  extends Pick<MessageRowOptions, 'fasten'>, Pick<ReceiveOptions, 'trustsSentinels'> {
  /** Whether each call leaves an api row: `GRPC /pkg.Service/Method`, its status in terms of HTTP, 499 when it was cancelled. Default false. */
  readonly records?: boolean
}

/** A call on the server's side, as interceptors get it. */
export interface GrpcServerCall {
  start(listener: GrpcServerListener): void
  sendStatus(status: never): void
  getPeer(): string
}

export interface GrpcServerListener {
  onReceiveMetadata(metadata: never): void
  onReceiveMessage(message: unknown): void
  onReceiveHalfClose(): void
  onCancel(): void
}

/** The part of @grpc/grpc-js that server interceptors are made of. */
export interface GrpcServerModule<Call, Next> {
  readonly ServerInterceptingCall: new (nextCall: Next) => Call
}

/**
 * An interceptor for servers: `new grpc.Server({ interceptors: [serverInterceptor(grpc)] })`, as the first of the list, so that the others run inside.
 * Handlers and everything their calls emit run in the context of the ids that the call came with.
 */
export function serverInterceptor<Call, Next>(
  grpc: GrpcServerModule<Call, Next>,
  options: GrpcServerOptions = {},
): (method: { readonly path: string }, call: Next) => Call {
  if (typeof grpc?.ServerInterceptingCall !== 'function')
    throw new TypeError('grpc: give the module @grpc/grpc-js')
  const entrance = createEntrance(options)
  return (method, call) => {
    entrance.enter(method, call as unknown as GrpcServerCall)
    return new grpc.ServerInterceptingCall(call)
  }
}

/** A server of @grpc/grpc-js. Its list of interceptors is private there, hence `object`. */
export type GrpcServer = object

const known = new WeakMap<GrpcServer, () => void>()

/**
 * The same for one server as it is, whenever it was made: calls that begin from now on run in contexts. Answers a function that takes the shim out
 * again. Throws TypeError for what is no server of @grpc/grpc-js 1.10 or newer.
 */
export function instrumentServer(server: GrpcServer, options: GrpcServerOptions = {}): () => void {
  return enterCallsOf(server, createEntrance(options))
}

/** What becomes of the calls of a server. */
export interface Entrance {
  /** A call of a method that there is. */
  enter(method: { readonly path: string }, call: GrpcServerCall): void
  /** A call that was refused before any interceptor saw it, with the code of its status. */
  refuse(headers: Headers, address: string | undefined, code: unknown): void
}

type Headers = Readonly<Record<string, unknown>>

/** Where calls pass by that no interceptor gets to see; older and newer versions may do without. */
interface Refusing {
  _verifyContentType?(stream: RefusedStream, headers: Headers): boolean
  _respondWithError?(status: { readonly code?: unknown }, stream: RefusedStream, ...rest: never[]): void
}

interface RefusedStream {
  readonly session?: { readonly socket?: { readonly remoteAddress?: string } }
}

/** The same with options already compiled. */
export function enterCallsOf(server: GrpcServer, entrance: Entrance): () => void {
  const holder = server as { interceptors?: unknown }
  if (!Array.isArray(holder.interceptors))
    throw new TypeError('server: give a Server of @grpc/grpc-js 1.10 or newer')
  return instrumentOnce(known, server, () => {
    const interceptor = (method: { readonly path: string }, call: GrpcServerCall): GrpcServerCall => {
      entrance.enter(method, call)
      return call
    }
    const given = holder.interceptors as readonly unknown[]
    // Its own list: the one in the options may be shared with other servers.
    holder.interceptors = [interceptor, ...given]
    return [
      ...watchRefusals(server, entrance),
      () => {
        holder.interceptors = (holder.interceptors as readonly unknown[]).filter(
          (each) => each !== interceptor,
        )
      },
    ]
  })
}

function watchRefusals(server: Refusing, entrance: Entrance): readonly (() => void)[] {
  const headersOf = new WeakMap<RefusedStream, Headers>()
  if (typeof server._verifyContentType !== 'function' || typeof server._respondWithError !== 'function')
    return []
  return [
    patchMethod(server, '_verifyContentType', (verify) => {
      return function (this: Refusing, stream, headers) {
        headersOf.set(stream, headers)
        return verify.call(this, stream, headers)
      }
    }),
    patchMethod(server, '_respondWithError', (respond) => {
      return function (this: Refusing, status, stream, ...rest) {
        const address = stream.session?.socket?.remoteAddress
        entrance.refuse(headersOf.get(stream) ?? {}, address, status.code)
        return respond.call(this, status, stream, ...rest)
      }
    }),
  ]
}

const carrier = grpcCarrier()

/** The same ids before they are metadata. */
const refused = createHeaderCarrier<Headers>({
  name: carrier.name,
  method: carrier.method,
  get: (headers, name) => headers[name],
  set: (headers) => headers,
})

/** Makes a call run in the context of what it came with, from its first event to its last. */
export function createEntrance({ trustsSentinels = false, ...rest }: GrpcServerOptions): Entrance {
  const begin = createMessageRows(rest)
  const refuse: Entrance['refuse'] = (headers, ip, code) => {
    const context = contextOf(refused, headers, {
      trustsSentinels,
      context: { source: ip === undefined ? {} : { ip } },
    })
    const { ':path': path } = headers
    begin({ method: 'GRPC', address: typeof path === 'string' ? path : '' }, context)?.end(endingOf(code))
  }
  const enter: Entrance['enter'] = ({ path }, call) => {
    const { start, sendStatus } = call
    let row: MessageRow | undefined
    call.start = (listener) => {
      let context: RequestContext | undefined
      const inside = (work: () => void): void =>
        context === undefined ? work() : runWithContext(context, work)
      start.call(call, {
        onReceiveMetadata(metadata: GrpcMetadata) {
          const source = sourceOf(call, metadata)
          context = contextOf(carrier, metadata, { trustsSentinels, context: { source } })
          row = begin({ method: 'GRPC', address: path }, context)
          inside(() => listener.onReceiveMetadata(metadata as never))
        },
        onReceiveMessage: (message) => inside(() => listener.onReceiveMessage(message)),
        onReceiveHalfClose: () => inside(() => listener.onReceiveHalfClose()),
        onCancel() {
          // Told after every call; only one that had no status yet was cancelled.
          row?.end(endingOf(1))
          inside(() => listener.onCancel())
        },
      })
    }
    call.sendStatus = (status: { readonly code?: unknown }) => {
      row?.end(endingOf(status.code))
      sendStatus.call(call, status as never)
    }
  }
  return { enter, refuse }
}

function sourceOf(call: GrpcServerCall, metadata: GrpcMetadata): Source {
  const peer = call.getPeer()
  const ip = peer.slice(0, peer.lastIndexOf(':'))
  const [agent] = metadata.get('user-agent')
  return {
    ...(ip === '' || !/^[\d.:a-f]+$/i.test(ip) ? {} : { ip }),
    ...(typeof agent === 'string' ? { user_agent: agent.slice(0, 1024) } : {}),
  }
}
