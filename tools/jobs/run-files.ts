// SPDX-License-Identifier: Apache-2.0
/**
 * `node run-files.ts CONCURRENCY TIMEOUT_MS TALLY FILE…`: Node's own test runner on these files in this order, so many at a time, each in a process of its own. What
 * `node --test` does, but for the order: that one sorts by path, and a long file that begins last keeps everybody waiting. Flags of node
 * itself, such as `--test-name-pattern`, are handed on to every file. Ends with 1 when anything failed.
 */
import { createWriteStream } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { endHungFiles } from './end-hung-files.ts'
import tally from './tally-reporter.mjs'

const [concurrency, timeout, tallyPath = '', ...files] = process.argv.slice(2)
if (timeout !== '0') endHungFiles(Number(timeout))
const events = run({
  files,
  concurrency: Number(concurrency),
  // The second of two limits: see there.
  ...(timeout === '0' ? {} : { timeout: Number(timeout) + 60_000 }),
})
events.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1
})
events.compose(spec).pipe(process.stdout)
events.compose(tally).pipe(createWriteStream(tallyPath))
