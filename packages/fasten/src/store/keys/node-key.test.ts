// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FastenError } from '../../core/error.ts'
import { describeSigner } from '../../testing/signer-contract.ts'
import { createSystemIds } from '../platform.ts'
import { newKeyText, openNodeKey, parseNodeKey } from './node-key.ts'

const ids = createSystemIds()
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-key-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describeSigner('a key from text', () => parseNodeKey(newKeyText(), 'test'))

describe('the node key', () => {
  test('is made on first use, for its owner only, and is the same from then on', () => {
    const path = join(folder, 'deep', 'keys', 'node.key')
    const made = openNodeKey(path, ids)
    assert.deepEqual(openNodeKey(path, ids).publicKey, made.publicKey)
    assert.deepEqual(openNodeKey(path).publicKey, made.publicKey)
    assert.deepEqual(readdirSync(join(folder, 'deep', 'keys')), ['.gitignore', 'node.key'])
    if (process.platform === 'win32') return
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder, 'deep', 'keys')).mode & 0o777, 0o700)
  })

  test('is one key for all processes that start at once', { timeout: 600_000 }, async () => {
    const path = join(folder, 'keys', 'node.key')
    const module = fileURLToPath(new URL('./node-key.ts', import.meta.url))
    const platform = fileURLToPath(new URL('../platform.ts', import.meta.url))
    const script = `
      const { openNodeKey } = await import(${JSON.stringify(module)})
      const { createSystemIds } = await import(${JSON.stringify(platform)})
      console.log(Buffer.from(openNodeKey(${JSON.stringify(path)}, createSystemIds()).publicKey).toString('hex'))`
    const run = promisify(execFile)
    const runs = Array.from({ length: 6 }, () =>
      run(process.execPath, ['--conditions=fasten-source', '--input-type=module', '-e', script]),
    )
    const keys = (await Promise.all(runs)).map(({ stdout }) => stdout.trim())
    assert.equal(new Set(keys).size, 1)
    assert.match(keys[0] ?? '', /^[0-9a-f]{64}$/)
    assert.deepEqual(readdirSync(join(folder, 'keys')), ['.gitignore', 'node.key'])
  })

  test('may be given as PEM, with line ends spelt out, or as base64 of DER', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
    for (const text of [pem, pem.replaceAll('\n', '\\n'), der, ` ${der}\n`])
      assert.deepEqual(parseNodeKey(text, 'FASTEN_NODE_KEY').publicKey, raw)
  })

  test('what is wrong with it is said by name, and never quotes the key', () => {
    const path = join(folder, 'node.key')
    const fails = (work: () => unknown, code: string): void =>
      assert.throws(work, (error: unknown) => {
        assert.ok(error instanceof FastenError)
        assert.equal(error.code, code)
        assert.ok(error.at === path && error.hint !== undefined)
        assert.doesNotMatch(error.toLine(), /c2VjcmV0/)
        return true
      })
    fails(() => openNodeKey(path), 'KEY_UNREADABLE')
    const rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      format: 'pem',
      type: 'pkcs8',
    })
    for (const garbage of [
      '',
      'c2VjcmV0',
      '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----',
      rsa.toString(),
    ]) {
      writeFileSync(path, garbage, { mode: 0o600 })
      fails(() => openNodeKey(path, ids), 'KEY_INVALID')
      assert.equal(readFileSync(path, 'utf8'), garbage, 'what is there is never overwritten')
    }
    rmSync(path)
    mkdirSync(path)
    fails(() => openNodeKey(path, ids), 'KEY_UNREADABLE')
  })

  test(
    'is refused when others may change it',
    { skip: process.platform === 'win32' && 'Windows has no modes' },
    () => {
      const path = join(folder, 'node.key')
      openNodeKey(path, ids)
      chmodSync(path, 0o620)
      assert.throws(() => openNodeKey(path, ids), { code: 'KEY_PERMISSIONS' })
      chmodSync(path, 0o640)
      openNodeKey(path, ids)
    },
  )

  test('signs what openssl verifies', async () => {
    const text = newKeyText()
    const signer = parseNodeKey(text, 'test')
    const message = new TextEncoder().encode('three\nlines\nand a root\n')
    assert.ok(verify(null, message, createPublicKey(text), await signer.sign(message)))
  })
})
