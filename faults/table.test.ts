// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { faultTable, type FaultRow } from './table.ts'

const root = join(import.meta.dirname, '..')
const fileOf = ({ row, name }: FaultRow): string =>
  `faults/row-${String(row).padStart(2, '0')}-${name}.test.ts`

test('every row of the table has its test, and every test its row', () => {
  assert.deepEqual(
    faultTable.map(fileOf).toSorted(),
    globSync('faults/row-*.test.ts', { cwd: root })
      .map((path) => path.replaceAll('\\', '/'))
      .toSorted(),
  )
  for (const path of faultTable.flatMap(({ alsoIn = [] }) => alsoIn))
    assert.ok(existsSync(join(root, path)), `${path} is named in the table and does not exist`)
})

test('every row has a control arm', () => {
  for (const row of faultTable)
    assert.match(readFileSync(join(root, fileOf(row)), 'utf8'), /\breportControl\(/, fileOf(row))
})

test('docs/faults.md says what the table says', () => {
  const page = readFileSync(join(root, 'docs/faults.md'), 'utf8')
  const lines = page.split('\n').filter((line) => /^\| \d+ \|/.test(line))
  assert.deepEqual(lines, faultTable.map(lineOf))
})

function lineOf(row: FaultRow): string {
  const { fault, promise, control, needs, alsoIn = [] } = row
  const tests = [fileOf(row), ...alsoIn].map((path) => `[${path.split('/').at(-1)}](../${path})`)
  const command = `\`npm test -- row-${String(row.row).padStart(2, '0')}\``
  return `| ${[
    row.row,
    needs === undefined ? fault : `${fault} (needs ${needs})`,
    promise,
    `${tests.join(', ')} · ${command}`,
    control,
  ].join(' | ')} |`
}
