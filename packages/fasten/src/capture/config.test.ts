// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { FastenError } from '../core/error.ts'
import { readConfig, type InitOptions } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const dsn = `sqlite:///${join(folder, 'audit.db')}`
const base = { FASTEN_SERVICE_ID: 'shop', FASTEN_NODE_ID: 'node-1', FASTEN_AUDIT_DSN: dsn }

/** Code, place, message and hint of what `readConfig` throws. */
function refused(options: InitOptions, env: Record<string, string>): string {
  try {
    readConfig(options, env)
  } catch (error) {
    assert.ok(error instanceof FastenError, String(error))
    return error.toLine()
  }
  throw new assert.AssertionError({ message: 'was not refused' })
}

describe('config', () => {
  it('starts with nothing set, and says what it assumed', () => {
    const config = readConfig({}, {})
    assert.equal(config.targets.audit?.dsn.kind, 'sqlite')
    assert.equal(config.targets.sys, null)
    assert.equal(config.assumed.length, 3)
    assert.match(
      config.assumed.join('; '),
      /service ".+" \(package\.json\).*node ".+" \(hostname\).*sqlite:\/\/\/\.\/fasten\.db/,
    )
  })

  it('names variables that nobody reads, with what was probably meant', () => {
    const config = readConfig(
      {},
      { ...base, FASTEN_AUDIT_DNS: 'x', FASTEN_ERASURE_APPROVALS: '2', OTHER: '1' },
    )
    assert.deepEqual(config.unread, ['FASTEN_AUDIT_DNS (did you mean "FASTEN_AUDIT_DSN"?)'])
    assert.deepEqual(readConfig({}, base).unread, [])
  })

  it('lets options beat the environment, in either spelling', () => {
    const config = readConfig(
      { service_id: 'one', nodeId: 'two', sysRingSize: 5 },
      { ...base, FASTEN_SYS_RING_SIZE: '7', FASTEN_API_RING_SIZE: '9' },
    )
    assert.deepEqual(
      [config.service_id, config.node_id, config.sysRingRows, config.apiRingRows],
      ['one', 'two', 5, 9],
    )
    assert.deepEqual(config.assumed, [])
  })

  it('takes FASTEN_SYSLOG_DSN as the older name', () => {
    assert.ok(readConfig({}, { ...base, FASTEN_SYSLOG_DSN: dsn }).targets.sys)
  })

  it('expands variables in a DSN and keeps a hostile password one password', () => {
    const config = readConfig(
      {},
      { ...base, FASTEN_AUDIT_DSN: 'postgres://app:${DB_PW}@db/shop', DB_PW: 'p@ss/w?rd' },
    )
    const target = config.targets.audit?.dsn
    assert.equal(target?.kind === 'postgres' ? target.url : '', 'postgres://app:p%40ss%2Fw%3Frd@db/shop')
  })

  it('reads the file that FASTEN_ENV_FILE or env_file names, below the environment', () => {
    const file = join(folder, 'app.env')
    writeFileSync(file, 'FASTEN_SERVICE_ID=from-file\nFASTEN_TENANT_ID="acme"\n')
    assert.equal(readConfig({}, { ...base, FASTEN_ENV_FILE: file }).service_id, 'shop')
    assert.equal(
      readConfig({ env_file: file }, { FASTEN_NODE_ID: 'n', FASTEN_AUDIT_DSN: dsn }).service_id,
      'from-file',
    )
    assert.equal(readConfig({ env_file: file }, base).tenant_id, 'acme')
  })

  const wrong: [string, InitOptions, Record<string, string>, RegExp][] = [
    [
      'a number that is none',
      {},
      { FASTEN_SYS_RING_SIZE: 'many' },
      /^CONFIG_INVALID: "many" is not valid for FASTEN_SYS_RING_SIZE .*whole number of rows/,
    ],
    [
      'a number out of range',
      { sys_ring_size: 0 },
      {},
      /^CONFIG_INVALID: "0" is not valid for option sys_ring_size/,
    ],
    ['a word that is none', {}, { FASTEN_DURABILITY: 'eventually' }, /write memory, tick, process or disk/],
    [
      'an unknown stream for stdout',
      {},
      { FASTEN_STDOUT: 'sys,traces' },
      /audit, sys, api separated by commas, or none/,
    ],
    ['another scheme', {}, { FASTEN_AUDIT_DSN: 'mysql://u:hunter2@db/x' }, /^DSN_SCHEME: .*FASTEN_AUDIT_DSN/],
    [
      'two slashes',
      {},
      { FASTEN_AUDIT_DSN: 'sqlite://audit.db' },
      /^DSN_PATH: .*three slashes|DSN_PATH: .*not three or four/,
    ],
    ['a table that is none', {}, { FASTEN_AUDIT_DSN: 'sqlite:///a.db?table=1;drop' }, /^DSN_TABLE/],
    [
      'a folder that is not there',
      {},
      { FASTEN_AUDIT_DSN: `sqlite:///${join(folder, 'nowhere', 'a.db')}` },
      /^PLACE_UNWRITABLE: the folder of .* does not exist .*mkdir -p/,
    ],
    [
      'a folder where a file should be',
      {},
      { FASTEN_AUDIT_DSN: `sqlite:///${folder}/sub` },
      /^PLACE_UNWRITABLE: .* is not a file/,
    ],
    [
      'a variable that is not set',
      {},
      { FASTEN_AUDIT_DSN: 'postgres://a:${NOT_SET}@db/x' },
      /^CONFIG_INVALID: FASTEN_AUDIT_DSN refers to \$\{NOT_SET\}/,
    ],
    [
      'an environment file that is not there',
      { env_file: '/nonexistent.env' },
      {},
      /^ENV_FILE_UNREADABLE: .*ENOENT.*FASTEN_ENV_FILE/,
    ],
    ['a node name with a line break', { node_id: 'a\nb' }, {}, /^CONFIG_INVALID: node_id/],
  ]
  mkdirSync(join(folder, 'sub'))
  for (const [what, options, env, message] of wrong) {
    it(`refuses ${what}, naming the variable and the remedy, and no password`, () => {
      const said = refused(options, { ...base, ...env })
      assert.match(said, message)
      assert.doesNotMatch(said, /hunter2/)
      assert.match(said, /; /, 'a hint follows')
    })
  }

  it('throws a TypeError for an option that does not exist', () => {
    assert.throws(() => readConfig({ serviceID: 'x' } as never, base), /no option "serviceID"/)
  })
})
