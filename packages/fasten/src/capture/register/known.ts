// SPDX-License-Identifier: Apache-2.0
import { instrumentGrpc, type GrpcModule } from '../shims/grpc/index.ts'

/** A library that `fasten/register` knows. */
export interface KnownModule {
  /** As `FASTEN_REGISTER` says it. */
  readonly name: string
  /** What applications import or require to get it. */
  readonly specifiers: readonly string[]
  instrument(exports: Readonly<Record<string, unknown>>, options: { readonly records: boolean }): void
}

export const knownModules: readonly KnownModule[] = [
  {
    name: 'grpc',
    specifiers: ['@grpc/grpc-js'],
    instrument: (exports, { records }) => void instrumentGrpc(exports as unknown as GrpcModule, { records }),
  },
]
