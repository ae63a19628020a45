// SPDX-License-Identifier: Apache-2.0
import type { Client, ClientConfig, Pool, PoolConfig } from 'pg'
import { FastenError } from '../../core/error.ts'

/** The part of `pg` that the store uses. */
export interface PgDriver {
  readonly Client: new (config: ClientConfig) => Client
  readonly Pool: new (config: PoolConfig) => Pool
}

/** `pg`, loaded now and not before. Throws FastenError `ENGINE_MISSING` when it is not installed. */
export async function loadPg(): Promise<PgDriver> {
  // Not a literal, so that neither the compiler nor a bundler asks for an optional package.
  const name: string = 'pg'
  try {
    const loaded = (await import(name)) as { readonly default: PgDriver }
    return loaded.default
  } catch (cause) {
    throw pgMissing(cause)
  }
}

/** Throws what `loadPg` would reject with, at once and without loading: for a start that must not wait. */
export function assertPg(): void {
  try {
    import.meta.resolve('pg')
  } catch (cause) {
    throw pgMissing(cause)
  }
}

function pgMissing(cause: unknown): FastenError {
  return new FastenError('ENGINE_MISSING', 'the driver of Postgres could not be loaded', {
    at: 'pg',
    hint: 'npm install pg',
    cause,
  })
}
