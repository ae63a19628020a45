// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { carryInto, type GrpcClientCall } from './client.ts'
import { createEntrance, enterCallsOf, type GrpcServerOptions } from './server.ts'

/** The part of @grpc/grpc-js that is patched; the module itself is that. */
export interface GrpcModule {
  readonly Channel: { readonly prototype: { createCall(...values: never[]): object } }
  readonly Server: { readonly prototype: { bindAsync(...values: never[]): void } }
}

const known = new WeakMap<object, () => void>()

/**
 * Instruments @grpc/grpc-js in place: every call of every client carries the ids of the work that makes it, and every server that is bound from now on
 * runs its handlers in the context of what a call came with. For generated clients and those of proto-loader alike. A second call changes nothing.
 * Answers a function that takes it out again, also of the servers.
 */
export function instrumentGrpc(grpc: GrpcModule, options: GrpcServerOptions = {}): () => void {
  if (typeof grpc?.Channel !== 'function' || typeof grpc.Server !== 'function')
    throw new TypeError('grpc: give the module @grpc/grpc-js')
  return instrumentOnce(known, grpc.Channel, () => {
    const entrance = createEntrance(options)
    let isActive = true
    const undoClients = patchMethod(
      grpc.Channel.prototype,
      'createCall',
      (createCall) =>
        function (this: unknown, ...values: never[]) {
          const call = Reflect.apply(createCall, this, values)
          carryInto(call as GrpcClientCall)
          return call
        },
    )
    const undoServers = patchMethod(
      grpc.Server.prototype,
      'bindAsync',
      (bindAsync) =>
        function (this: unknown, ...values: never[]) {
          enterCallsOf(this as object, {
            enter(method, call) {
              if (isActive) entrance.enter(method, call)
            },
            refuse(headers, address, code) {
              if (isActive) entrance.refuse(headers, address, code)
            },
          })
          Reflect.apply(bindAsync, this, values)
        },
    )
    return [undoClients, undoServers, () => (isActive = false)]
  })
}
