// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt } from '../setup/built.mjs'
import { root } from '../setup/root.mjs'
import { runWith } from '../setup/runtime.mjs'
import type { TestTally } from './tally-reporter.mjs'

export type Suite = 'test' | 'torture'

/** Named on purpose: a bare `node --test` would also run compiled copies, and nothing at all on a Node.js without types. */
const roofs = ['packages/*/src', 'packages/*/page', 'tools', 'examples', 'bench', 'faults']

/** Rows of docs/faults.md: the same files in both suites, at full length in the slow one. */
const rows = 'faults/row-*.test.ts'

/**
 * Runs a suite in Node's own test runner, from source. Words choose files by a part of their path; arguments that begin with a
 * dash go to the runner (`--test-name-pattern=…`, `--test-only`). Answers 0 only if something ran and nothing failed;
 * a test file in which nothing ran counts as a failure, because that is what a broken glob or import looks like.
 */
export async function runTests(suite: Suite, args: readonly string[]): Promise<number> {
  const files = testFiles(
    suite,
    args.filter((arg) => !arg.startsWith('-')),
  )
  const options = args.filter((arg) => arg.startsWith('-'))
  if (files.length === 0) {
    process.stderr.write(`no ${suite} file has ${args.join(' or ')} in its path; there are:\n`)
    process.stderr.write(`${testFiles(suite, []).join('\n')}\n`)
    return 1
  }
  // The package's own tests run from source; examples, bench and the package test use it as it is published.
  if (files.some((file) => /^(examples|bench|tools\/pack)/.test(file))) await ensureBuilt(root)
  if (suite === 'torture') process.env['FAULTS_SUITE'] = 'torture'
  // Hundreds of processes load the same sources: what stripping their types and compiling them cost the first one, the others are spared.
  process.env['NODE_COMPILE_CACHE'] ??= join(root, '.cache', 'compiled')
  const folder = mkdtempSync(join(tmpdir(), 'fasten-tally-'))
  const deadline = new AbortController()
  const timer = setTimeout(
    () => deadline.abort(),
    suite === 'torture' ? torturePatienceMs : patienceMs,
  ).unref()
  try {
    const tallyPath = join(folder, 'tally.ndjson')
    const processorPath = join(folder, 'processor.ndjson')
    process.env['TALLY_PROCESSOR'] = processorPath
    const status = await runWith(
      process.execPath,
      [
        '--conditions=fasten-source',
        `--import=${pathToFileURL(join(root, 'tools/jobs/note-processor-time.mjs'))}`,
        ...options,
        join(root, 'tools/jobs/run-files.ts'),
        String(suite === 'torture' ? 1 : slots()),
        String(suite === 'torture' ? 0 : filePatienceMs),
        tallyPath,
        ...longestFirst(files).map((file) => join(root, file)),
      ],
      deadline.signal,
    )
    const tally = lastTally(tallyPath)
    tellProcessorTime(processorPath)
    if (!deadline.signal.aborted) return report(tally, status, options.length > 0)
    const unfinished = files.filter((file) => tally.files[file]?.hasEnded !== true)
    tellUnfinished(unfinished)
    return report({ ...tally, failed: tally.failed + unfinished.length }, 1, true)
  } finally {
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A run that takes longer hangs; a file whose tests have ended but which holds a timer or a socket never ends by itself. */
const patienceMs = 60 * 60_000
const filePatienceMs = 10 * 60_000
const torturePatienceMs = 6 * 60 * 60_000

/**
 * Twice as many files at a time as there are processors: what starts servers and programs waits more than it works (for
 * flushes, for answers, for what it killed to be gone), and tests have to hold under far more load than that.
 */
const slots = (): number => 2 * Math.max(2, availableParallelism())

/**
 * What starts servers and whole programs goes first, so that no long file begins when all others have ended; browsers, which
 * take more than a processor each, are not all begun at once.
 */
function longestFirst(files: readonly string[]): readonly string[] {
  const rank = (file: string): number =>
    long.findIndex((part) => (typeof part === 'string' ? file.includes(part) : part.test(file)))
  const last = long.length
  return files.toSorted((a, b) => (rank(a) + 1 || last + 1) - (rank(b) + 1 || last + 1))
}

const long: readonly (string | RegExp)[] = [
  'fleet/src/cli/serve-process',
  'journeys/govern',
  'fleet/src/server/backup',
  /^examples\//,
  'journeys/investigate',
  'transaction/postgres',
  'store/postgres/pruner',
  'journeys/explore',
  'guide-fleet',
  /^tools\/(conform|pack)/,
  /^packages\/web\/page\/journeys/,
  /postgres|^packages\/fleet\/|^faults\//,
  /^tools\/|^bench\//,
  'packages/fasten/src/cli/',
]

function tellProcessorTime(path: string): void {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
  const files = lines.map((line) => JSON.parse(line) as { readonly file: string; readonly ms: number })
  const total = files.reduce((sum, { ms }) => sum + ms, 0)
  const most = files.toSorted((a, b) => b.ms - a.ms).slice(0, 15)
  const told = most.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`)
  process.stdout.write(
    `\nprocessor time, ${(total / 1000).toFixed(0)} s in ${files.length} files; most of it in:\n${told.join('\n')}\n`,
  )
}

function lastTally(path: string): TestTally {
  const line = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)
  return line === undefined || line === ''
    ? { passed: 0, failed: 0, skipped: 0, todo: 0, files: {} }
    : (JSON.parse(line) as TestTally)
}

function tellUnfinished(files: readonly string[]): void {
  process.stdout.write(
    `\nthe run took too long and was ended; ${files.length} files had not ended, of which the first ran or hung ` +
      `(look for what keeps it alive):\n${files.slice(0, 4).join('\n')}\n`,
  )
}

/** Paths relative to the root, sorted; with words, those that contain one of them. */
export function testFiles(suite: Suite, words: readonly string[]): string[] {
  return globSync(
    [...roofs.map((roof) => `${roof}/**/*.${suite}.ts`), ...(suite === 'torture' ? [rows] : [])],
    { cwd: root, exclude: (path) => path.includes('node_modules') || path.includes('dist') },
  )
    .map((path) => path.split(sep).join('/'))
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .toSorted()
}

function report(tally: TestTally, status: number, isPicked: boolean): number {
  const slow = Object.entries(tally.files)
    .map(([file, { ms }]) => ({ file, ms }))
    .filter(({ ms }) => ms > 5_000)
    .toSorted((a, b) => b.ms - a.ms)
  if (slow.length > 0) {
    const lines = slow.slice(0, 10).map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`)
    process.stdout.write(`\nfiles that took longer than five seconds:\n${lines.join('\n')}\n`)
  }
  // With a name pattern it is expected that most files have nothing to do.
  const idle = isPicked ? [] : Object.keys(tally.files).filter((file) => isIdle(tally.files[file]))
  for (const file of idle) process.stdout.write(`\nnothing ran in ${file}: give it a test or delete it\n`)
  const isEmpty = tally.passed + tally.failed === 0
  if (isEmpty) process.stdout.write('\nno test ran at all\n')
  const rest = [
    tally.skipped > 0 ? `${tally.skipped} skipped` : '',
    tally.todo > 0 ? `${tally.todo} todo` : '',
  ]
  process.stdout.write(
    `\n${[`${tally.passed} passed`, `${tally.failed + idle.length} failed`, ...rest.filter(Boolean)].join(', ')}\n`,
  )
  return status !== 0 ? status : idle.length > 0 || isEmpty ? 1 : 0
}

const isIdle = (file: TestTally['files'][string] | undefined): boolean =>
  file !== undefined && file.tests === 0 && !file.isBroken
