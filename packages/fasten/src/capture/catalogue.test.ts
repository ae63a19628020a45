// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from '#yaml'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { createKeyJudge } from '../core/redact-keys.ts'
import { createCodeRegistry } from '../core/code.ts'
import { checkCodes, openCatalogue } from './codes-check.ts'
import { createCodeFiles } from './codes.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..')
const catalog = join(root, 'packages/fasten/catalog')
const matches = new Ajv2020({ allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(join(root, 'spec/codes.schema.json'), 'utf8')) as object,
)

describe('the optional catalogue', () => {
  test('loads as a whole: 97 codes, each described, with no complaint', async () => {
    const registry = createCodeRegistry()
    assert.equal((await createCodeFiles(registry, catalog).load('.')).codes, 97)
    const report = checkCodes(openCatalogue(['.'], catalog), [], catalog)
    assert.deepEqual([report.problems, report.findings], [[], []])
    for (const code of registry.codes()) {
      const meta = registry.metaOf(code)
      assert.match(meta?.action ?? '', new RegExp(`^${meta?.domain}\\.[a-z_.]+$`), code)
    }
  })

  test('no member that it asks for would be taken for a secret', () => {
    const judge = createKeyJudge({ extraKeys: [], allowKeys: [] })
    const { codes } = openCatalogue(['.'], catalog)
    const hidden = [...codes].flatMap(([code, { detail }]) =>
      Object.entries(detail?.properties ?? {})
        // A name that counts (`input_tokens`) lets numbers pass.
        .filter(([name, schema]) => {
          const { verdict } = judge(name)
          const type = typeof schema === 'object' && 'type' in schema ? schema.type : schema
          return verdict === 'count' ? type !== 'integer' && type !== 'number' : verdict !== 'plain'
        })
        .map(([name]) => `${code} ${name}`),
    )
    assert.deepEqual(hidden, [])
  })

  test('what a personal code asks for and does not pass through is declared, and the rest passes', () => {
    const { codes } = openCatalogue(['.'], catalog)
    for (const [code, meta] of codes) {
      if (!meta.pii_in_detail) continue
      for (const name of meta.detail_passthrough_keys)
        assert.ok(Object.hasOwn(meta.detail?.properties ?? {}, name), `${code} ${name}`)
    }
  })

  for (const name of readdirSync(catalog)) {
    test(`${name} matches spec/codes.schema.json`, () => {
      assert.ok(matches(parse(readFileSync(join(catalog, name), 'utf8'))), JSON.stringify(matches.errors))
    })
  }
})

/** Texts of catalogue files, valid and not: what the schema says of each, the loader must say too. */
const samples: readonly string[] = [
  'domain: a',
  'domain: ""',
  'domain: fasten',
  'domain: "a,b"',
  'domain: " a"',
  'domain: a b',
  'domain: 5',
  'codes: {}',
  'domain: a\nx-y: 1',
  'domain: a\ny: 1',
  'domain: a\nemitter: 5',
  'domain: a\ndescription: x\nemitter: null\ncodes: null',
  'domain: a\ncodes: []',
  '[]',
  'domain: a\ncodes: {a: {}}',
  'domain: a\ncodes: {A: null}',
  'domain: a\ncodes: {A: x}',
  'domain: a\ncodes: {1A: {}}',
  ...[
    'severity: warn',
    'severity: warning',
    'severity: null',
    'retention_class: regulated',
    'retention_class: record',
    'retentionClass: short',
    'high_volume: 1',
    'highVolume: true',
    'pii_in_detail: yes',
    'pii_in_detail: true, retention_class: permanent',
    'pii_in_detail: false, retention_class: permanent',
    'pii: [actor], retention_class: permanent',
    'pii: []',
    'pii: [detail, detail.a.b, source.ip]',
    'pii: [detail.]',
    'pii: [details]',
    'pii: actor',
    'detail_passthrough_keys: [a]',
    'detail_passthrough_keys: [""]',
    'detail: {}',
    'detail: {type: array}',
    'detail: {items: string}',
    'detail: {properties: {a: string, b: {type: [string, "null"], enum: [x, null]}}}',
    'detail: {properties: {a: strung}}',
    'detail: {properties: {a: {type: []}}}',
    'detail: {properties: {a: {enum: []}}}',
    'detail: {properties: {a: {items: {type: object, required: [x, x]}}}}',
    'detail: {required: [a, a]}',
    'detail: {required: a}',
    'detail: {additionalProperties: 1}',
    'detail: {minProperties: 1}',
    'detail: null',
    'fail_closed: true',
    'failClosed: 0',
    'x-anything: {a: 1}',
    'unknown: 1',
    'action: null, category: x, description: "", emitter: e',
    'action: 5',
    'id: A',
    'domain: a',
  ].map((member) => `domain: a\ncodes: {A: {${member}}}`),
]

test('the loader accepts what the schema accepts, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-schema-'))
  try {
    const seen = new Set<boolean>()
    for (const sample of samples) {
      writeFileSync(join(folder, 'x.codes.yaml'), sample)
      const isAccepted = openCatalogue(['x.codes.yaml'], folder).problems.length === 0
      assert.equal(isAccepted, matches(parse(sample)), `${sample}\n${JSON.stringify(matches.errors)}`)
      seen.add(isAccepted)
    }
    assert.equal(seen.size, 2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
