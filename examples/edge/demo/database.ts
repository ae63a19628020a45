// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Database {
  readonly url: string
  close(): Promise<void>
}

/** A database for the queue, as `tools/postgres.ts` makes it. */
export async function startDatabase(): Promise<Database> {
  const program = join(import.meta.dirname, '../../../tools/postgres.ts')
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>
  const url = await Promise.race([
    line.then(([text]) => text),
    ended.then(() => {
      throw new Error('there is no Postgres for the queue; DATABASE_URL can name one')
    }),
  ])
  return {
    url,
    async close() {
      child.stdin.end()
      await ended
    },
  }
}
