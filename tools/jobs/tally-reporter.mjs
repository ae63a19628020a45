// SPDX-License-Identifier: Apache-2.0
import { isAbsolute, relative } from 'node:path'

/**
 * @typedef {object} TestTally what ran, counted by ourselves so that an empty run cannot pass for a good one
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} todo
 * @property {Record<string, { tests: number, isBroken: boolean, ms: number }>} files by path relative to the working
 *   folder; a broken one did not load or ended badly
 */

/**
 * A reporter for Node's test runner: writes one JSON `TestTally` when everything has ended. A file that holds no test is
 * reported by the runner as one passing test named like the file; here it has 0 tests.
 *
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} source
 */
export default async function* tally(source) {
  /** @type {TestTally} */
  const total = { passed: 0, failed: 0, skipped: 0, todo: 0, files: {} }
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { data } = event
    const isFileItself = data.nesting === 0 && (isAbsolute(data.name) || data.name === data.file)
    const path = relative(process.cwd(), data.file ?? data.name)
    const file = (total.files[path] ??= { tests: 0, isBroken: false, ms: 0 })
    if (data.nesting === 0) file.ms += data.details.duration_ms
    if (data.details.type === 'suite') continue
    if (isFileItself) {
      if (event.type === 'test:pass') continue
      file.isBroken = true
      total.failed += 1
      continue
    }
    file.tests += 1
    if (data.skip !== undefined && data.skip !== false) total.skipped += 1
    else if (data.todo !== undefined && data.todo !== false) total.todo += 1
    else if (event.type === 'test:pass') total.passed += 1
    else total.failed += 1
  }
  yield JSON.stringify(total)
}
