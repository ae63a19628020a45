// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { carry } from '../../carriers/carrier.ts'
import { grpcCarrier, type GrpcMetadata } from './metadata.ts'

/** A call on the client's side, as a channel and `nextCall` of an interceptor make it. */
export interface GrpcClientCall {
  start(metadata: GrpcMetadata, listener?: GrpcClientListener): void
}

export interface GrpcClientListener {
  onReceiveMetadata?(metadata: never): void
  onReceiveMessage?(message: never): void
  onReceiveStatus?(status: never): void
}

/** The part of @grpc/grpc-js that client interceptors are made of. */
export interface GrpcClientModule<Call, Next> {
  readonly InterceptingCall: new (nextCall: Next) => Call
}

/**
 * An interceptor for clients: `new Client(address, credentials, { interceptors: [clientInterceptor(grpc)] })`. Each call carries the ids of the work
 * that made it, and its callbacks and stream events run in that work's context. `instrumentGrpc` does the same for all clients at once.
 */
export function clientInterceptor<Call, Next>(
  grpc: GrpcClientModule<Call, Next>,
): <Options>(options: Options, nextCall: (options: Options) => Next) => Call {
  if (typeof grpc?.InterceptingCall !== 'function') throw new TypeError('grpc: give the module @grpc/grpc-js')
  return (options, nextCall) => {
    const call = nextCall(options)
    carryInto(call as unknown as GrpcClientCall)
    return new grpc.InterceptingCall(call)
  }
}

const carrier = grpcCarrier()

/** Makes the call take the ids along when it starts, and answer in the context it was made in. */
export function carryInto(call: GrpcClientCall): void {
  const { start } = call
  // Sessions are shared: without this, an answer arrives in the context of whoever opened the connection.
  const inMakersContext = AsyncLocalStorage.snapshot()
  call.start = (metadata, listener) => {
    start.call(call, carry(carrier, metadata), bound(listener, inMakersContext))
  }
}

function bound(
  listener: GrpcClientListener | undefined,
  run: ReturnType<typeof AsyncLocalStorage.snapshot>,
): GrpcClientListener | undefined {
  if (listener === undefined) return undefined
  const result: GrpcClientListener = {}
  for (const name of ['onReceiveMetadata', 'onReceiveMessage', 'onReceiveStatus'] as const)
    // grpc-js tells its own listeners from interceptors' by their one argument.
    if (listener[name] !== undefined) result[name] = (value: never) => run(() => listener[name]?.(value))
  return result
}
