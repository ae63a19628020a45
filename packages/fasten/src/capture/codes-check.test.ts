// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { createCodeRegistry } from '../core/code.ts'
import { checkCodes, openCatalogue } from './codes-check.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-check-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const described = (code: string, more = ''): string => `  ${code}: {description: x${more}}\n`

test('a catalogue that agrees with its sources is sound', () => {
  write(
    'a.codes.yaml',
    `domain: a\ncodes:\n${described('ONE')}${described('TWO')}${described('OLD', ', declared_unused: true')}`,
  )
  write('src/a.ts', `emit({ code: 'ONE', target: 'x' })`)
  write(
    'src/deep/b.jsx',
    `emit({ code: a.names.TWO, target: 'x' }); emit({ code: 'DOCTOR_PROBE', target: 'x' })`,
  )
  write('src/node_modules/c.js', `emit({ code: 'FOREIGN', target: 'x' })`)
  write('src/types.d.ts', `emit({ code: 'DECLARED', target: 'x' })`)
  const report = checkCodes(openCatalogue(['a.codes.yaml'], folder), ['src'], folder)
  assert.deepEqual(
    [report.isSound, report.codes, report.sources, report.findings, report.problems],
    [true, 3, 2, [], []],
  )
})

test('what does not agree is found with its place', () => {
  write(
    'a.codes.yaml',
    `domain: a\ncodes:\n${described('ONE')}${described('LONELY')}${described('OLD', ', declared_unused: true')}  BARE: {detailPassthroughKeys: [a]}\n`,
  )
  write(
    'src/a.ts',
    `emit({ code: 'ONE', target })\nemit({ code: 'OEN', target })\nconst old = 'OLD', bare = 'BARE'`,
  )
  const report = checkCodes(openCatalogue(['a.codes.yaml'], folder), ['src'], folder)
  const told = report.findings.map(
    ({ kind, code, file, line, column, weight }) =>
      `${weight} ${kind} ${code} ${relative(folder, file)}:${line}:${column}`,
  )
  assert.deepEqual(told, [
    'error unknown OEN src/a.ts:2:14',
    'warning unused LONELY a.codes.yaml:4:3',
    'warning used_though_declared_unused OLD a.codes.yaml:5:3',
    'warning passthrough_without_pii BARE a.codes.yaml:6:3',
    'warning no_description BARE a.codes.yaml:6:3',
  ])
  assert.match(
    report.findings[0]?.message ?? '',
    /OEN is emitted here but not defined \(did you mean "ONE"\?\)/,
  )
  assert.equal(report.isSound, false)
})

test('without sources only the catalogue is judged', () => {
  write('a.codes.yaml', `domain: a\ncodes:\n${described('ONE')}`)
  assert.deepEqual(checkCodes(openCatalogue(['a.codes.yaml'], folder), [], folder).findings, [])
})

test('all problems of all files are told at once, and what is right is still there', () => {
  write('a.codes.yaml', 'domain: a\ncodes: {ONE: {}, two: {}}')
  write('b.codes.yaml', 'domain: b\ncodes: {THREE: {severity: x}}')
  write('c.codes.yaml', 'domain: c\ncodes: {FOUR: {}}')
  write('d.codes.yaml', 'domain: [')
  const catalogue = openCatalogue(['*.codes.yaml', 'gone.yaml'], folder)
  assert.deepEqual(
    catalogue.problems
      .map(({ code, file }) => `${code} ${relative(folder, join(folder, relative(folder, file)))}`)
      .sort(),
    [
      'CATALOG_BACKEND ',
      'CATALOG_BAD_JSON d.codes.yaml',
      'CATALOG_INVALID_KEY a.codes.yaml',
      'CATALOG_INVALID_VALUE b.codes.yaml',
    ]
      .map((line) => (line.endsWith(' ') ? `${line}${relative(folder, 'gone.yaml')}` : line))
      .sort(),
  )
  assert.deepEqual([...catalogue.codes.keys()], ['FOUR'])
  assert.equal(checkCodes(catalogue, [], folder).isSound, false)
})

test('a catalogue may stand on what a program registered', () => {
  const registry = createCodeRegistry()
  registry.register('prog', { KEPT: { description: 'x' } })
  write('a.codes.yaml', `domain: a\ncodes:\n${described('ONE')}`)
  const catalogue = openCatalogue(['a.codes.yaml'], folder, registry)
  assert.deepEqual([...catalogue.codes.keys()], ['KEPT', 'ONE'])
  assert.deepEqual([catalogue.placeOf('KEPT'), catalogue.placeOf('ONE')?.line], [undefined, 3])
})
