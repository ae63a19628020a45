// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCodeRegistry } from '../core/code.ts'
import { FastenError } from '../core/error.ts'
import { openCatalogue } from './codes-check.ts'
import { createCodeFiles } from './codes.ts'

const area = join(dirname(fileURLToPath(import.meta.url)), '../../../../spec/vectors/codes')

interface Step {
  readonly files: Readonly<Record<string, string>>
  readonly dump: string
  readonly problems?: readonly {
    readonly code: string
    readonly file: string
    readonly line: number
    readonly column: number
  }[]
  readonly meta?: Readonly<Record<string, object>>
  readonly personal?: readonly string[]
}

interface Case {
  readonly steps?: readonly Step[]
  readonly catalogue?: string
  readonly checks?: readonly { readonly code: string; readonly detail: unknown; readonly problems: number }[]
}

for (const folder of readdirSync(area, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  const {
    steps = [],
    catalogue,
    checks = [],
  } = JSON.parse(readFileSync(join(area, folder.name, 'case.json'), 'utf8')) as Case

  test(`codes/${folder.name}`, async () => {
    const place = mkdtempSync(join(tmpdir(), 'fasten-vectors-'))
    try {
      const registry = createCodeRegistry()
      const files = createCodeFiles(registry, place)
      assert.ok(steps.length + checks.length > 0)
      for (const step of steps) {
        for (const name of readdirSync(place)) rmSync(join(place, name))
        for (const [name, text] of Object.entries(step.files)) writeFileSync(join(place, name), text)
        const names = Object.keys(step.files)
        const told = openCatalogue(
          names.length > 0 ? names : (step.problems ?? []).map(({ file }) => file),
          place,
        ).problems
        const problems = told.map(({ code, file, line, column }) => ({
          code,
          file: basename(file),
          line,
          column,
        }))
        assert.deepEqual(inOrder(problems), inOrder(step.problems ?? []), JSON.stringify(told))
        // Names stay loaded from step to step, so every step but the first is a reload.
        const loading = names.length > 0 ? files.load(names) : files.reload()
        if (step.problems) await assert.rejects(loading, (error) => error instanceof FastenError)
        else await loading
        assert.equal(registry.dump(), step.dump)
        for (const [code, meta] of Object.entries(step.meta ?? {}))
          assert.deepEqual(registry.metaOf(code), meta)
        for (const code of step.personal ?? []) assert.equal(registry.metaOf(code)?.pii_in_detail, true)
      }
      if (catalogue !== undefined) {
        writeFileSync(join(place, 'x.codes.yaml'), catalogue)
        files.loadSync('x.codes.yaml')
      }
      for (const { code, detail, problems } of checks) {
        assert.equal(
          registry.problemsOf(code, detail).length,
          problems,
          registry.problemsOf(code, detail).join('; '),
        )
      }
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  })
}

const inOrder = <T extends object>(items: readonly T[]): readonly T[] =>
  [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
