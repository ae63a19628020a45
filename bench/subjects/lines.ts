// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { amountOf } from './order.ts'

/** Throws unless `path` holds exactly `count` JSON lines whose amounts add up. `amount` digs the number out of one line. */
export async function checkLines(
  path: string,
  count: number,
  amount: (line: { [member: string]: unknown }) => unknown,
): Promise<void> {
  let lines = 0
  let sum = 0
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const value = amount(JSON.parse(text) as { [member: string]: unknown })
    if (typeof value !== 'number') continue
    lines += 1
    sum += value
  }
  if (lines !== count || sum !== amountOf(count)) {
    throw new Error(`${path} holds ${lines} of ${count} lines, amounts ${sum} instead of ${amountOf(count)}`)
  }
}
