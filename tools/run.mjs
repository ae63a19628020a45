#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/**
 * The one door to every job of this repository: `node tools/run.mjs <job> [arguments]`, behind `npm start`, `npm test` and the
 * rest. Plain JavaScript, because it has to run on Node.js 20.20 before anything is installed. Three steps, each skipped
 * when there is nothing to do, then the job: dependencies as the lockfile says, Node.js 24, a fresh dist of each package.
 */
import { fileURLToPath } from 'node:url'
import { ensureBuilt } from './setup/built.mjs'
import { ensureDependencies } from './setup/dependencies.mjs'
import { root } from './setup/root.mjs'
import { rightNode, runWith } from './setup/runtime.mjs'
import { SetupFailure } from './setup/setup-failure.mjs'

/**
 * @typedef {object} Job
 * @property {string} summary
 * @property {boolean} [needsBuild]
 * @property {(args: string[]) => Promise<number>} run answers the exit status
 */

/** @type {Record<string, Job>} */
const jobs = {
  start: {
    summary:
      'run the examples in turn, or those that are named: node-red, edge, fleet (-- --once checks them and ends)',
    needsBuild: true,
    run: async (args) => (await import('./jobs/examples.ts')).runExamples(args),
  },
  test: {
    summary: 'every test; with words, the test files whose path contains one of them',
    run: async (args) => (await import('./jobs/test.ts')).runTests('test', args),
  },
  torture: {
    summary: 'the slow suites: kill, power loss, full disk, long random runs',
    run: async (args) => (await import('./jobs/test.ts')).runTests('torture', args),
  },
  check: {
    summary: 'format, lint, types, docs, tidy and the fast unit tests, in seconds; with names, only those',
    run: async (args) => (await import('./jobs/check.ts')).runChecks(args),
  },
  lint: {
    summary: 'the linter; --fix mends what it can',
    run: async (args) => (await import('./jobs/check.ts')).runLint(args),
  },
  format: {
    summary: 'rewrite every file in the one format; --check only says which differ',
    run: async (args) => (await import('./jobs/check.ts')).runFormat(args),
  },
  generate: {
    summary: 'write the generated pages again; --check only says which are stale',
    run: async (args) =>
      (await import('./jobs/program.ts')).runProgram('tools/generate.ts', args, [
        '--conditions=fasten-source',
      ]),
  },
  build: {
    summary: 'the dist of each package, as it is published',
    needsBuild: true,
    run: async () => 0,
  },
  pack: {
    summary: 'the tarball that users install, in .cache',
    needsBuild: true,
    run: async (args) => (await import('./jobs/program.ts')).runProgram('tools/pack.ts', args),
  },
  bench: {
    summary: 'measure against peers in one run',
    needsBuild: true,
    run: async (args) => (await import('./jobs/program.ts')).runProgram('bench/main.ts', args),
  },
  carriers: {
    summary: 'the contract of carriers through every real transport there is here; writes docs/carriers.md',
    run: async (args) => (await import('./jobs/program.ts')).runProgram('tools/carriers.ts', args),
  },
  screens: {
    summary: 'pictures of the pages for the documentation, out of what the example’s shop wrote',
    needsBuild: true,
    run: async (args) => (await import('./jobs/program.ts')).runProgram('tools/screens.ts', args),
  },
  matrix: {
    summary: 'the packed library on the oldest and newest Node.js it supports (fetches them)',
    needsBuild: true,
    run: async (args) => (await import('./jobs/program.ts')).runProgram('tools/matrix.ts', args),
  },
}

async function main() {
  const [name = '', ...args] = process.argv.slice(2)
  const job = jobs[name]
  if (job === undefined) {
    const width = Math.max(...Object.keys(jobs).map((known) => known.length))
    const lines = Object.entries(jobs).map(([known, { summary }]) => `  ${known.padEnd(width)}  ${summary}`)
    process.stderr.write(`usage: node tools/run.mjs <job> [arguments]\n\n${lines.join('\n')}\n`)
    return name === '' || name === '--help' ? 0 : 2
  }
  if (!isAtLeast(process.versions.node, 20, 20))
    throw new SetupFailure(`this is Node.js ${process.versions.node}`, 'use Node.js 20.20 or newer')
  await ensureDependencies(root)
  const node = rightNode(root)
  if (node !== process.execPath) return await runWith(node, [fileURLToPath(import.meta.url), name, ...args])
  if (job.needsBuild) await ensureBuilt(root)
  return await job.run(args)
}

/**
 * @param {string} version
 * @param {number} major
 * @param {number} minor
 */
function isAtLeast(version, major, minor) {
  const [ours = 0, oursMinor = 0] = version.split('.').map(Number)
  return ours > major || (ours === major && oursMinor >= minor)
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error
  process.stderr.write(`${error.toText()}\n`)
  process.exitCode = 1
}
