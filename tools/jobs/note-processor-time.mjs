// SPDX-License-Identifier: Apache-2.0
/**
 * Loaded into the process of each test file before it: writes down, as it ends, the processor time of the process and of all it started and
 * saw end. Seconds on the clock say little where several files run at once, or on a machine with other work. And marks what it starts, for end-hung-files.ts.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const path = process.env['TALLY_PROCESSOR']
const file = process.argv[1] ?? ''
const run = `${process.env['TALLY_RUN'] ?? ''} `
// What a test file starts may have this loaded too, and may be the same file once more; only the file itself counts, which counts what it started.
const isStarted = process.env['TALLY_STARTED_FOR']?.startsWith(run) ?? false
if (isMainThread && path !== undefined && !isStarted && /\.(test|torture)\.ts$/.test(file)) {
  process.env['TALLY_STARTED_FOR'] = `${run}${process.pid}`
  process.on('exit', () => {
    const line = { file: relative(process.cwd(), file), ms: processorMs() }
    appendFileSync(path, `${JSON.stringify(line)}\n`)
  })
}

/** Of this process and its ended children; of this process alone where the system does not say more. */
function processorMs() {
  const { user, system } = process.cpuUsage()
  const own = (user + system) / 1_000
  if (!existsSync('/proc/self/stat')) return own
  // Behind the name in brackets, which may hold anything: the 14th and 15th field of the line, in hundredths of a second.
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? []
  return own + (Number(fields[13]) + Number(fields[14])) * 10
}
