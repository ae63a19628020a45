// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the carrier contract through every transport whose server is here, and writes down what came of it: docs/carriers.md. The page
 * says what held in one run, so it is not compared with another; that it names every transport is checked by tools/docs.test.ts.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContractResult } from './jobs/contract-reporter.mjs'
import { carrierPage, carrierTests, type NotRun } from './reference/carrier-page.ts'
import { root } from './setup/root.mjs'

const files = carrierTests()
const folder = mkdtempSync(join(tmpdir(), 'fasten-carriers-'))
try {
  const results = join(folder, 'results.ndjson')
  const { status } = spawnSync(
    process.execPath,
    [
      '--conditions=fasten-source',
      '--test',
      '--test-concurrency=2',
      '--test-reporter=dot',
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(root, 'tools/jobs/contract-reporter.mjs')}`,
      `--test-reporter-destination=${results}`,
      ...files.map((file) => join(root, file)),
    ],
    { cwd: root, stdio: 'inherit' },
  )
  const lines = readFileSync(results, 'utf8').split('\n').filter(Boolean)
  const found = lines.map((line) => JSON.parse(line) as ContractResult | NotRun)
  writeFileSync(join(root, 'docs/carriers.md'), carrierPage(found))
  console.log('wrote docs/carriers.md')
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
