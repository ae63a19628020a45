// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createCodeRegistry, type CodeRegistry } from '../core/code.ts'
import { FastenError } from '../core/error.ts'
import { createCodeFiles, defineCodes, type CodeFiles } from './codes.ts'

let folder: string
let registry: CodeRegistry
let files: CodeFiles

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-codes-'))
  registry = createCodeRegistry()
  files = createCodeFiles(registry, folder)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, ...lines: string[]): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, lines.join('\n'))
  return path
}

/** The error of a load, as its code, place and message. */
async function refusal(
  doing: () => Promise<unknown>,
): Promise<readonly [string, string | undefined, string]> {
  try {
    await doing()
  } catch (error) {
    assert.ok(error instanceof FastenError, String(error))
    return [error.code, error.at, error.message]
  }
  return assert.fail('it was accepted')
}

describe('load', () => {
  test('registers every member of the schema', async () => {
    const path = write(
      'sales.codes.yaml',
      'domain: sales',
      'emitter: shop',
      'description: What the shop sells',
      'x-owner: team-7',
      'codes:',
      '  ORDER_PLACED:',
      '    category: order',
      '    action: order.place',
      '    severity: warn',
      '    description: An order arrived.',
      '    retention_class: regulated',
      '    high_volume: true',
      '    pii: [detail.email, actor]',
      '    detail_passthrough_keys: [amount]',
      '    fail_closed: true',
      '    x-evidence: [a]',
      '    detail:',
      '      required: [amount]',
      '      properties: {amount: number, email: string}',
      '  CART_LEFT:',
      '    emitter: browser',
      '    declaredUnused: true',
      '    piiInDetail: true',
    )
    assert.deepEqual(await files.load('sales.codes.yaml'), { files: [path], codes: 2 })
    assert.deepEqual(registry.metaOf('ORDER_PLACED'), {
      domain: 'sales',
      category: 'order',
      action: 'order.place',
      severity: 'warn',
      description: 'An order arrived.',
      emitter: 'shop',
      retention_class: 'regulated',
      high_volume: true,
      pii_in_detail: false,
      pii: ['detail.email', 'actor'],
      declared_unused: false,
      detail_passthrough_keys: ['amount'],
      fail_closed: true,
      detail: { required: ['amount'], properties: { amount: 'number', email: 'string' } },
    })
    const cart = registry.metaOf('CART_LEFT')
    assert.deepEqual([cart?.emitter, cart?.declared_unused, cart?.pii_in_detail], ['browser', true, true])
  })

  test('takes paths, folders, patterns, JSON, and a file many times', async () => {
    write('codes/a.codes.yaml', 'domain: a', 'codes: {A_ONE: {}}')
    write('codes/deep/b.codes.yml', 'domain: b', 'codes: {B_ONE: {}}')
    write('codes/c.codes.json', '{"domain": "c", "codes": {"C_ONE": null}}')
    write('codes/notes.yaml', 'not: a catalogue')
    write('codes/node_modules/x.codes.yaml', 'domain: x', 'codes: {X_ONE: {}}')
    const listed = async (patterns: string | string[]): Promise<readonly string[]> => {
      const fresh = createCodeRegistry()
      await createCodeFiles(fresh, folder).load(patterns)
      return fresh.codes()
    }
    assert.deepEqual(await listed('codes'), ['A_ONE', 'B_ONE', 'C_ONE'])
    assert.deepEqual(await listed('codes/*.codes.yaml'), ['A_ONE'])
    assert.deepEqual(await listed('codes/**/*.codes.{yaml,yml}'), ['A_ONE', 'B_ONE'])
    assert.deepEqual(await listed('c?des/[bc]*.json'), ['C_ONE'])
    assert.deepEqual(
      await listed([
        'codes/a.codes.yaml',
        './codes/a.codes.yaml',
        join(folder, 'codes', '*.yaml').replace('*', 'a.codes'),
      ]),
      ['A_ONE'],
    )
    await files.load('codes/a.codes.yaml')
    await files.load(['codes/a.codes.yaml', 'codes/c.codes.json'])
    assert.deepEqual(registry.codes(), ['A_ONE', 'C_ONE'])
  })

  test('loads at once when asked to', () => {
    write('a.codes.yaml', 'domain: a', 'codes: {A_ONE: {}}')
    assert.equal(files.loadSync('*.codes.yaml').codes, 1)
    assert.deepEqual(registry.codes(), ['A_ONE'])
  })

  test('accepts a file without codes', async () => {
    write('a.codes.yaml', 'domain: a')
    write('b.codes.yaml', 'domain: b', 'codes:')
    assert.equal((await files.load('*.codes.yaml')).codes, 0)
  })
})

describe('a catalogue is refused with its place', () => {
  const wrong: readonly (readonly [string, readonly string[], string, string, RegExp])[] = [
    ['no YAML', ['domain: [a', 'codes:'], 'CATALOG_BAD_JSON', 'x.codes.yaml:2:1', /flow/i],
    ['an empty file', [''], 'CATALOG_BAD_JSON', 'x.codes.yaml:1:1', /the file is empty/],
    ['a list', ['- a'], 'CATALOG_INVALID_VALUE', 'x.codes.yaml:1:1', /a mapping with the keys/],
    [
      'two documents',
      ['domain: a', '---', 'domain: b'],
      'CATALOG_BAD_JSON',
      'x.codes.yaml:2:1',
      /a second document begins here/,
    ],
    [
      'no domain',
      ['codes: {ONE: {}}'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:1:1',
      /domain must be a non-empty string; it is missing/,
    ],
    ['a domain that is a number', ['domain: 5'], 'CATALOG_INVALID_VALUE', 'x.codes.yaml:1:9', /not 5/],
    ['our own domain', ['domain: fasten'], 'CATALOG_INVALID_VALUE', 'x.codes.yaml:1:9', /fasten's own/],
    [
      'an unknown key',
      ['domain: a', 'code:', '  ONE: {}'],
      'CATALOG_INVALID_KEY',
      'x.codes.yaml:2:1',
      /unknown key "code" \(did you mean "codes"\?\)/,
    ],
    [
      'codes that are a list',
      ['domain: a', 'codes:', '  - ONE'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:3:3',
      /codes must be a mapping of codes, not a list/,
    ],
    [
      'a code in lower case',
      ['domain: a', 'codes:', '  orderPlaced: {}'],
      'CATALOG_INVALID_KEY',
      'x.codes.yaml:3:3',
      /orderPlaced: a code is UPPER_SNAKE_CASE/,
    ],
    [
      'a code twice',
      ['domain: a', 'codes:', '  ONE: {}', '  ONE: {}'],
      'CATALOG_DUPLICATE_CODE',
      'x.codes.yaml:4:3',
      /"ONE" stands in this mapping twice/,
    ],
    [
      'an entry that is text',
      ['domain: a', 'codes:', '  ONE: info'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:3:3',
      /ONE: a code's entry is a mapping of members, not "info"/,
    ],
    [
      'an unknown member',
      ['domain: a', 'codes:', '  ONE:', '    retention: long'],
      'CATALOG_INVALID_KEY',
      'x.codes.yaml:4:5',
      /unknown member "retention" \(did you mean "retention_class"\?\)/,
    ],
    [
      'an unknown severity',
      ['domain: a', 'codes:', '  ONE:', '    severity: loud'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:4:15',
      /severity must be one of debug, info, warn, error, critical, not "loud"/,
    ],
    [
      'a flag of YAML 1.1',
      ['domain: a', 'codes:', '  ONE:', '    piiInDetail: yes'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:4:18',
      /must be true or false, not "yes"/,
    ],
    [
      'another domain',
      ['domain: a', 'codes:', '  ONE:', '    domain: b'],
      'CATALOG_DOMAIN_MISMATCH',
      'x.codes.yaml:4:13',
      /domain is "b"/,
    ],
    [
      'another id',
      ['domain: a', 'codes: {ONE: {id: TWO}}'],
      'CATALOG_ID_MISMATCH',
      'x.codes.yaml:2:19',
      /id is "TWO"/,
    ],
    [
      'a deep mistake in a schema',
      ['domain: a', 'codes:', '  ONE:', '    detail:', '      properties:', '        n: {type: itneger}'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:6:19',
      /unknown type "itneger" \(did you mean "integer"\?\)/,
    ],
    [
      'a pointer to nothing',
      ['domain: a', 'codes:', '  ONE:', '    pii: [actor, nobody]'],
      'CATALOG_INVALID_VALUE',
      'x.codes.yaml:4:18',
      /pii names "nobody"/,
    ],
    [
      'aliases without end',
      [
        'domain: a',
        'x-a: &a [1,1,1,1,1,1,1,1,1,1]',
        'x-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]',
        'x-c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
      ],
      'CATALOG_BAD_JSON',
      'x.codes.yaml:1:1',
      /alias/,
    ],
  ]
  for (const [title, lines, code, at, message] of wrong) {
    test(title, async () => {
      write('x.codes.yaml', ...lines)
      const [foundCode, foundAt, foundMessage] = await refusal(() => files.load('x.codes.yaml'))
      assert.deepEqual([foundCode, foundAt], [code, at], foundMessage)
      assert.match(foundMessage, message)
      assert.deepEqual(registry.codes(), [])
    })
  }

  test('what is not there', async () => {
    assert.deepEqual(await refusal(() => files.load('nowhere/*.codes.yaml')), [
      'CATALOG_BACKEND',
      'nowhere/*.codes.yaml',
      'no catalogue file matches "nowhere/*.codes.yaml"',
    ])
    assert.equal((await refusal(() => files.load('gone.codes.yaml')))[0], 'CATALOG_BACKEND')
  })

  test('what is not text', async () => {
    writeFileSync(join(folder, 'x.codes.yaml'), Buffer.from([0x64, 0xff, 0xfe]))
    const [code, at, message] = await refusal(() => files.load('x.codes.yaml'))
    assert.deepEqual([code, at], ['CATALOG_BACKEND', 'x.codes.yaml'])
    assert.match(message, /cannot be read/)
  })

  test('a code of another file, or of a program', async () => {
    write('a.codes.yaml', 'domain: a', 'codes: {ONE: {}}')
    write('b.codes.yaml', 'domain: b', 'codes:', '  ONE: {}')
    assert.deepEqual((await refusal(() => files.load('*.codes.yaml'))).slice(0, 2), [
      'CATALOG_DUPLICATE_CODE',
      'b.codes.yaml:3:3',
    ])
    registry.register('prog', { TWO: {} })
    write('c.codes.yaml', 'domain: c', 'codes:', '  TWO: {}')
    assert.deepEqual(await refusal(() => files.load('c.codes.yaml')), [
      'CATALOG_DUPLICATE_CODE',
      'c.codes.yaml:3:3',
      'TWO: "TWO" is already registered in the domain "prog"',
    ])
  })

  test('with the number of further problems', async () => {
    write('x.codes.yaml', 'domain: a', 'codes:', '  one: {}', '  TWO: {severity: x, pii: 5}')
    assert.match(
      (await refusal(() => files.load('x.codes.yaml')))[2],
      /\(and 2 more; `fasten codes check` lists all\)$/,
    )
  })

  test('as a mistake of the program when no path is given', async () => {
    await assert.rejects(files.load(5 as unknown as string), TypeError)
  })
})

describe('reload', () => {
  test('takes what changed, drops what vanished, keeps what a program registered', async () => {
    registry.register('prog', { KEPT: {} })
    write('a.codes.yaml', 'domain: a', 'codes: {ONE: {}, TWO: {}}')
    await files.load('*.codes.yaml')
    write('a.codes.yaml', 'domain: a', 'codes: {TWO: {severity: error}}')
    write('b.codes.yaml', 'domain: b', 'codes: {THREE: {}}')
    assert.equal((await files.reload()).codes, 2)
    assert.deepEqual(registry.codes(), ['KEPT', 'THREE', 'TWO'])
    assert.equal(registry.metaOf('TWO')?.severity, 'error')
  })

  test('changes nothing when a file is wrong or gone, and recovers afterwards', async () => {
    const path = write('a.codes.yaml', 'domain: a', 'codes: {ONE: {}}')
    await files.load('a.codes.yaml')
    write('a.codes.yaml', 'domain: a', 'codes: {TWO: {}, three: {}}')
    assert.equal((await refusal(() => files.reload()))[0], 'CATALOG_INVALID_KEY')
    assert.deepEqual(registry.codes(), ['ONE'])
    rmSync(path)
    assert.equal((await refusal(() => files.reload()))[0], 'CATALOG_BACKEND')
    assert.deepEqual(registry.codes(), ['ONE'])
    write('a.codes.yaml', 'domain: a', 'codes: {TWO: {}}')
    await files.reload()
    assert.deepEqual(registry.codes(), ['TWO'])
  })

  test('forgets a file whose load failed', async () => {
    write('bad.codes.yaml', 'domain: a', 'codes: {bad: {}}')
    await refusal(() => files.load('bad.codes.yaml'))
    assert.deepEqual(await files.reload(), { files: [], codes: 0 })
  })
})

test('defineCodes registers where it is told to, and only then', () => {
  const billing = defineCodes('billing', { INVOICE_PAID: { severity: 'warn' } })
  assert.equal(registry.has('INVOICE_PAID'), false)
  billing.register(registry)
  assert.equal(registry.metaOf(billing.names.INVOICE_PAID)?.severity, 'warn')
  assert.deepEqual(billing.names, { INVOICE_PAID: 'INVOICE_PAID' })
})
