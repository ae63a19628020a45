// SPDX-License-Identifier: Apache-2.0

/** Something that is told when the test is over. */
export interface Ending {
  after(work: () => unknown): void
}

const stacks = new WeakMap<Ending, (() => unknown)[]>()

/** Does `work` when the test is over, the last thing first: what was made last stands on what was made before. */
export function atEnd(test: Ending, work: () => unknown): void {
  const known = stacks.get(test)
  if (known !== undefined) return void known.push(work)
  const stack = [work]
  stacks.set(test, stack)
  test.after(async () => {
    const faults: unknown[] = []
    for (const one of stack.reverse())
      try {
        await one()
      } catch (error) {
        faults.push(error)
      }
    if (faults.length > 0) throw new AggregateError(faults, 'a test did not clean up')
  })
}
