// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer'
import type { SqlRecord } from '../sql.ts'

/** What a replica needs of a connection: `Client` and `PoolClient` of the package pg are one. */
export interface Queries {
  query(query: {
    readonly text: string
    readonly values?: unknown[]
    readonly name?: string
  }): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
  /** A statement that speaks with the connection itself, as those of pg-copy-streams do. */
  query(copy: CopyIn): unknown
}

/** What the driver calls while such a statement runs. */
export interface CopyIn {
  callback: (error: Error | null) => void
  submit(connection: CopyConnection): void
  handleCopyInResponse(connection: CopyConnection): void
  handleCommandComplete(): void
  handleReadyForQuery(): void
  handleError(error: Error): void
}

/** The driver's connection below its queries. */
export interface CopyConnection {
  query(text: string): void
  readonly stream: { write(bytes: Uint8Array): unknown }
}

/** The same in the words of this room. With `name` a statement is prepared once per connection. */
export interface ReplicaSql {
  readonly client: Queries
  run(text: string, values?: readonly unknown[], name?: string): Promise<readonly SqlRecord[]>
  change(text: string, values?: readonly unknown[], name?: string): Promise<number>
}

export function replicaSql(client: Queries): ReplicaSql {
  const ask = (text: string, values: readonly unknown[] = [], name?: string) =>
    client.query({ text, values: [...values], ...(name === undefined ? {} : { name: `replica_${name}` }) })
  return {
    client,
    run: async (text, values, name) => (await ask(text, values, name)).rows as readonly SqlRecord[],
    change: async (text, values, name) => (await ask(text, values, name)).rowCount ?? 0,
  }
}

export const bytesOfHashes = (hashes: readonly string[]): Buffer[] =>
  hashes.map((hash) => Buffer.from(hash, 'hex'))
