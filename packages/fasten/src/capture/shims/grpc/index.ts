// SPDX-License-Identifier: Apache-2.0

// All of @grpc/grpc-js in place, or one server.
export { instrumentGrpc } from './instrument.ts'
export { instrumentServer } from './server.ts'

// By hand: interceptors for clients and servers, and the carrier under both.
export { clientInterceptor } from './client.ts'
export { grpcCarrier } from './metadata.ts'
export { serverInterceptor } from './server.ts'

export type { GrpcClientModule } from './client.ts'
export type { GrpcMetadata } from './metadata.ts'
export type { GrpcModule } from './instrument.ts'
export type { GrpcServer, GrpcServerModule, GrpcServerOptions } from './server.ts'
