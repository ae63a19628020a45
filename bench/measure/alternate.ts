// SPDX-License-Identifier: Apache-2.0

/** Results by name, one for each measured round. */
export type Rounds<N extends string, R> = Readonly<Record<N, readonly R[]>>

/**
 * Runs every name once a round, one after the other, beginning with another one each time, so that a slow spell of the
 * machine or a favour of the order falls on all of them. The first `warmRounds` are thrown away.
 */
export async function alternate<N extends string, R>(
  names: readonly N[],
  { rounds, warmRounds }: { readonly rounds: number; readonly warmRounds: number },
  run: (name: N, round: number) => Promise<R>,
): Promise<Rounds<N, R>> {
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<N, R[]>
  for (let round = -warmRounds; round < rounds; round++) {
    const first = (round + warmRounds) % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const result = await run(name, round)
      if (round >= 0) results[name].push(result)
    }
  }
  return results
}
