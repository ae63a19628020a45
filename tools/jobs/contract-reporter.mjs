// SPDX-License-Identifier: Apache-2.0

/**
 * @typedef {object} ContractResult one run of the carrier contract
 * @property {string} name of the transport, as its test calls it
 * @property {{ title: string, outcome: 'passed' | 'failed' | 'skipped', reason: string }[]} cases
 * @property {number} inTheAir messages in the air at once, in the case about mixing them up
 */

/**
 * A reporter for Node's test runner: one JSON `ContractResult` a line for each run of the carrier contract, and `{ skipped, reason }` for each
 * suite around one that was not run at all.
 *
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} source
 */
export default async function* contracts(source) {
  /** @type {Map<number, ContractResult['cases']>} cases that have ended, by nesting, until their suite ends */
  const open = new Map()
  let inTheAir = 0
  for await (const event of source) {
    if (event.type === 'test:diagnostic') {
      const found = /^(\d+) messages in the air at once$/.exec(event.data.message)
      if (found !== null) inTheAir = Number(found[1])
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, nesting, skip, details } = event.data
    const reason = typeof skip === 'string' ? skip : ''
    if (details.type !== 'suite') {
      const outcome =
        skip !== undefined && skip !== false ? 'skipped' : event.type === 'test:pass' ? 'passed' : 'failed'
      open.set(nesting, [...(open.get(nesting) ?? []), { title: name, outcome, reason }])
      continue
    }
    const cases = open.get(nesting + 1) ?? []
    open.delete(nesting + 1)
    if (name.startsWith('carrier contract: ')) {
      yield `${JSON.stringify({ name: name.slice('carrier contract: '.length), cases, inTheAir })}\n`
      inTheAir = 0
    } else if (skip !== undefined && skip !== false) yield `${JSON.stringify({ skipped: name, reason })}\n`
  }
}
