// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from './fixtures/ask.ts'
import { temporaryFolder } from './fixtures/shop.ts'

const catalogue = 'domain: shop\ncodes:\n  ORDER_REFUNDED: { severity: warn, description: money goes back }\n'

test('dump shows what files, patterns and FASTEN_CODES define, and never nothing in silence', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'shop.codes.yaml'), catalogue)
  writeFileSync(join(cwd, 'empty.codes.yaml'), 'domain: none\ncodes: {}\n')
  const refund = { exitCode: 0, out: 'ORDER_REFUNDED,shop,warn\n', err: '' }
  assert.deepEqual(await ask(['dump', '--catalog', '*.codes.yaml'], { cwd }), refund)
  assert.deepEqual(await ask(['dump', 'shop.codes.yaml', 'empty.codes.yaml'], { cwd }), refund)
  assert.deepEqual(await ask(['dump'], { cwd, env: { FASTEN_CODES: 'shop.codes.yaml' } }), refund)
  const none = await ask(['dump'], { cwd })
  assert.equal(none.exitCode, 1)
  assert.match(none.out, /^DOCTOR_PROBE,fasten,debug$/m)
  assert.match(
    none.err,
    /^no catalogue was loaded, these are only fasten's own codes; name yours with --catalog/,
  )
  const empty = await ask(['dump', 'empty.codes.yaml'], { cwd })
  assert.equal(empty.exitCode, 1)
  assert.match(empty.err, /empty\.codes\.yaml registered no codes/)
})

test('codes check, diff and typegen tell drift by exit code', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'shop.codes.yaml'), catalogue)
  writeFileSync(join(cwd, 'new.codes.yaml'), catalogue.replace('warn', 'info'))
  writeFileSync(join(cwd, 'bad.codes.yaml'), 'domain: shop\ncodes:\n  order: {}\n')
  writeFileSync(join(cwd, 'app.ts'), "fasten.emit({ code: 'ORDER_REFUNDDE', target: 'x' })\n")
  const codes = (line: string): ReturnType<typeof ask> => ask(['codes', ...line.split(' ')], { cwd })

  const drift = await codes('check shop.codes.yaml --source .')
  assert.equal(drift.exitCode, 1)
  assert.match(
    drift.out,
    /^app\.ts:1:\d+ {2}error {2}ORDER_REFUNDDE is emitted here but not defined \(did you mean "ORDER_REFUNDED"\?\)/m,
  )
  const bad = await codes('check bad.codes.yaml')
  assert.equal(bad.exitCode, 1)
  assert.match(bad.out, /^bad\.codes\.yaml:3:3 {2}error /)

  const typed = await codes('typegen shop.codes.yaml --lang ts -o codes.d.ts')
  assert.deepEqual(typed, { exitCode: 0, out: '', err: 'wrote codes.d.ts: 1 code\n' })
  assert.match(
    readFileSync(join(cwd, 'codes.d.ts'), 'utf8'),
    /interface RegisteredCodes \{\n.*\n {4}ORDER_REFUNDED: /,
  )
  const exits: Readonly<Record<string, number>> = {
    'check shop.codes.yaml': 0,
    check: 2,
    'typegen shop.codes.yaml -o codes.d.ts --check': 0,
    'typegen new.codes.yaml -o codes.d.ts --check': 1,
    'typegen bad.codes.yaml': 2,
    'typegen shop.codes.yaml -o no/such/folder.ts': 2,
    'diff shop.codes.yaml shop.codes.yaml': 0,
    'diff shop.codes.yaml new.codes.yaml': 1,
  }
  await Promise.all(
    Object.entries(exits).map(async ([line, expected]) => {
      const { exitCode, out, err } = await codes(line)
      assert.equal(exitCode, expected, `${line}: ${out}${err}`)
    }),
  )
})
