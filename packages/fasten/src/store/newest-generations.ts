// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName } from '../core/log-name.ts'

/** Without the logs that were given up for a later generation, which is among `logs` as well. */
export function newestGenerations<L extends { readonly log: string }>(logs: readonly L[]): readonly L[] {
  const newest = new Map<string, number>()
  const placed = logs.map((each) => {
    const parts = parseLogName(each.log)
    const base = parts === undefined ? each.log : logName({ ...parts, generation: 1 })
    const generation = parts?.generation ?? 1
    newest.set(base, Math.max(newest.get(base) ?? 1, generation))
    return { each, base, generation }
  })
  return placed.filter(({ base, generation }) => newest.get(base) === generation).map(({ each }) => each)
}
