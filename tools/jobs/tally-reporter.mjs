// SPDX-License-Identifier: Apache-2.0
import { isAbsolute, relative } from 'node:path'

/**
 * @typedef {object} TestTally what ran, counted by ourselves so that an empty run cannot pass for a good one
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} todo
 * @property {Record<string, { tests: number, isBroken: boolean, hasEnded: boolean, ms: number }>} files by path relative to the
 *   working folder; a broken one did not load or ended badly
 */

/**
 * A reporter for Node's test runner: one JSON `TestTally` a line, each time a file has ended and at the end, so that the last line is
 * the truth even when the run is cut short. A file that holds no test is reported by the runner as one passing test named like the
 * file; here it has 0 tests.
 *
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} source
 */
export default async function* tally(source) {
  /** @type {TestTally} */
  const total = { passed: 0, failed: 0, skipped: 0, todo: 0, files: {} }
  const fileOf = (/** @type {string} */ path) =>
    (total.files[relative(process.cwd(), path)] ??= { tests: 0, isBroken: false, hasEnded: false, ms: 0 })
  for await (const event of source) {
    // One for each file that held a test, named for the file that was run: tests of a shared contract are defined elsewhere.
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      const { file, counts, duration_ms } = event.data
      Object.assign(fileOf(file), { tests: counts.tests, hasEnded: true, ms: duration_ms })
      yield `${JSON.stringify(total)}\n`
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { data } = event
    if (data.details.type === 'suite') continue
    const isFileItself = data.nesting === 0 && (isAbsolute(data.name) || data.name === data.file)
    if (isFileItself)
      Object.assign(fileOf(data.name), { hasEnded: true, isBroken: event.type === 'test:fail' })
    if (isFileItself && event.type === 'test:pass') continue
    if (data.skip !== undefined && data.skip !== false) total.skipped += 1
    else if (data.todo !== undefined && data.todo !== false) total.todo += 1
    else if (event.type === 'test:pass') total.passed += 1
    else total.failed += 1
  }
  yield `${JSON.stringify(total)}\n`
}
