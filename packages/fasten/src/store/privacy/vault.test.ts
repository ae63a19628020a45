// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createSystemRandom } from '../platform.ts'
import { openServiceKeyRing } from './key-service.ts'
import { createVaultKeyService } from './vault.ts'

const masterKey = randomBytes(32)
/** A server that speaks the transit engine's encrypt and decrypt, with a key that never leaves it. */
const server = createServer((request, response) => {
  void bodyOf(request).then((text) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.headers['x-vault-token'] !== 'sesame') return answer(403, { errors: ['permission denied'] })
    const { plaintext, ciphertext } = JSON.parse(text) as { plaintext?: string; ciphertext?: string }
    if (request.url === '/v1/transit/encrypt/fasten' && plaintext !== undefined) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce)
      const sealed = Buffer.concat([
        nonce,
        cipher.update(plaintext, 'base64'),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return answer(200, { data: { ciphertext: `vault:v1:${sealed.toString('base64')}` } })
    }
    if (request.url !== '/v1/transit/decrypt/fasten' || ciphertext === undefined)
      return answer(404, { errors: [] })
    const sealed = Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64')
    const decipher = createDecipheriv('aes-256-gcm', masterKey, sealed.subarray(0, 12))
    decipher.setAuthTag(sealed.subarray(-16))
    try {
      const opened = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
      return answer(200, { data: { plaintext: opened.toString('base64') } })
    } catch {
      return answer(400, { errors: ['cipher: message authentication failed'] })
    }
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
after(() => server.close())
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const random = createSystemRandom()
const vault = createVaultKeyService({ url, token: 'sesame', key: 'fasten' })

test('a ring is made once, kept wrapped, and opened again by the service alone', async () => {
  const made = await openServiceKeyRing(vault, [])
  const again = await openServiceKeyRing(vault, made.wrapped)
  assert.deepEqual(again.ring.ids, made.ring.ids)
  const key = Buffer.from(random(32))
  const wrapped = made.ring.wrap(key, { id: '00', tenant: 't', subject: 'ann', made_at: '' })
  assert.deepEqual(again.ring.unwrap(wrapped)?.subject, 'ann')
})

test('after a rotation what was wrapped before still opens, and what is new is wrapped by the new key', async () => {
  const old = await openServiceKeyRing(vault, [])
  const wrapped = old.ring.wrap(random(32), { id: '00', tenant: '', subject: 'ann', made_at: '' })
  const turned = await openServiceKeyRing(vault, old.wrapped, { rotates: true })
  assert.equal(turned.ring.ids.length, 2)
  assert.equal(turned.ring.unwrap(wrapped)?.subject, 'ann')
  assert.equal(
    turned.ring.wrap(random(32), { id: '01', tenant: '', subject: 'ann', made_at: '' }).kek,
    turned.ring.ids[0],
  )
  assert.equal(turned.ring.pseudonyms('', 'ann')[1], old.ring.pseudonyms('', 'ann')[0])
})

test('who is refused learns why, without the token, and a changed text opens nothing', async () => {
  const stranger = createVaultKeyService({ url, token: 'guessed-token', key: 'fasten' })
  await assert.rejects(openServiceKeyRing(stranger, []), (error: Error) => {
    assert.match(error.message, /403/)
    assert.ok(!JSON.stringify(error).includes('guessed-token'))
    return true
  })
  const { wrapped } = await openServiceKeyRing(vault, [])
  const changed = wrapped.map((text) => text.replace(/.{4}$/, 'AAAA'))
  await assert.rejects(openServiceKeyRing(vault, changed), { code: 'KEY_SERVICE' })
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}
