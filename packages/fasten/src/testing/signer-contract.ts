// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Signer } from '../store/keys/signer.ts'

/** What every signer promises (store/keys/signer.ts). `make` is asked once for each case. */
export function describeSigner(name: string, make: () => Signer | Promise<Signer>): void {
  describe(`signer contract: ${name}`, () => {
    test('the public key is 32 bytes and stays', async () => {
      const signer = await make()
      const before = Uint8Array.from(signer.publicKey)
      await signer.sign(new Uint8Array([1]))
      assert.equal(before.length, 32)
      assert.deepEqual(Uint8Array.from(signer.publicKey), before)
    })

    test('a signature is 64 bytes that verify for these bytes and no others', async () => {
      const signer = await make()
      const key = publicKeyOf(signer)
      for (const length of [0, 1, 100, 65_536]) {
        const message = new Uint8Array(length).fill(7)
        const signature = await signer.sign(message)
        assert.equal(signature.length, 64)
        assert.ok(verify(null, message, key, signature))
        assert.ok(!verify(null, new Uint8Array([...message, 0]), key, signature))
      }
    })

    test('many may be asked at once', async () => {
      const signer = await make()
      const key = publicKeyOf(signer)
      const messages = Array.from({ length: 20 }, (_, index) => new Uint8Array([index, 1, 2]))
      const signatures = await Promise.all(messages.map((message) => signer.sign(message)))
      for (const [index, message] of messages.entries())
        assert.ok(verify(null, message, key, signatures[index] ?? new Uint8Array()))
    })
  })
}

function publicKeyOf({ publicKey }: Signer) {
  const x = Buffer.from(publicKey).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
