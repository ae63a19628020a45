// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clientAddress, compileTrust, normalAddress, type TrustProxy } from './client-address.ts'

const walk = (
  rule: TrustProxy,
  peer: string | undefined,
  header: string,
  kind: 'x-forwarded-for' | 'forwarded' = 'x-forwarded-for',
) => clientAddress(peer, header, kind, compileTrust(rule))

describe('the client address', () => {
  test('is the peer of the socket while nobody is trusted', () => {
    assert.equal(walk(false, '198.51.100.7', '1.2.3.4'), '198.51.100.7')
    assert.equal(walk(0, '198.51.100.7', '1.2.3.4'), '198.51.100.7')
    assert.equal(walk(['10.0.0.0/8'], '198.51.100.7', '1.2.3.4'), '198.51.100.7')
  })

  test('is what the nearest untrusted hop was seen as by the one before it', () => {
    const cases: readonly (readonly [rule: TrustProxy, peer: string, header: string, client: string])[] = [
      [['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
      [['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
      [['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
      [1, '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
      [2, '10.0.0.1', '1.1.1.1, 203.0.113.9', '1.1.1.1'],
      [9, '10.0.0.1', '1.1.1.1, 203.0.113.9', '1.1.1.1'],
      [true, '10.0.0.1', '1.1.1.1, 203.0.113.9', '1.1.1.1'],
      [(address, hop) => address.startsWith('10.') && hop < 2, '10.0.0.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
      ['loopback', '::1', '203.0.113.9', '203.0.113.9'],
      ['loopback, 203.0.113.0/24', '127.0.0.5', '2001:db8::7, 203.0.113.9', '2001:db8::7'],
      [['private'], '192.168.1.1', '203.0.113.9', '203.0.113.9'],
      [['fd00::/8'], 'fd12::1', '203.0.113.9', '203.0.113.9'],
    ]
    for (const [rule, peer, header, client] of cases)
      assert.equal(walk(rule, peer, header), client, `${String(rule)}: ${header}`)
  })

  test('mapped and differently spelled addresses are one', () => {
    assert.equal(walk(['10.0.0.0/8'], '::ffff:10.0.0.1', '::FFFF:203.0.113.9'), '203.0.113.9')
    assert.equal(walk(['::ffff:10.0.0.1'], '10.0.0.1', '2001:DB8:0:0::0001'), '2001:db8::1')
    assert.equal(normalAddress('::ffff:cb00:7109'), '203.0.113.9')
    assert.equal(normalAddress('fe80::1%eth0'), 'fe80::1')
    assert.equal(normalAddress('1.2.3.04'), undefined)
  })

  test('ports and brackets are taken off', () => {
    assert.equal(walk(1, '10.0.0.1', '203.0.113.9:51234'), '203.0.113.9')
    assert.equal(walk(1, '10.0.0.1', '[2001:db8::1]:443'), '2001:db8::1')
    assert.equal(walk(1, '10.0.0.1', '[2001:db8::1]'), '2001:db8::1')
  })

  test('what is no address ends the walk, so nothing its unknown author wrote is believed', () => {
    for (const garbage of [
      'unknown',
      '_hidden',
      '<script>',
      '999.1.1.1',
      '203.0.113.9:port',
      '[2001:db8::1',
      "' or 1=1",
    ])
      assert.equal(walk(true, '10.0.0.1', `1.1.1.1, ${garbage}, 10.0.0.2`), '10.0.0.2', garbage)
    assert.equal(walk(true, '10.0.0.1', ' , ,203.0.113.9, ,'), '203.0.113.9')
    assert.equal(walk(true, '10.0.0.1', ''), '10.0.0.1')
  })

  test('Forwarded is read by its grammar', () => {
    const read = (header: string): string | undefined => walk(['10.0.0.0/8'], '10.0.0.1', header, 'forwarded')
    assert.equal(read('for=203.0.113.9'), '203.0.113.9')
    assert.equal(read('For="[2001:db8:cafe::17]:4711"'), '2001:db8:cafe::17')
    assert.equal(read('for=1.1.1.1, for=203.0.113.9;proto=https;by=10.0.0.2'), '203.0.113.9')
    assert.equal(read('proto=https;for=203.0.113.9'), '203.0.113.9')
    assert.equal(read('for="203.0.113.9, 1.1.1.1"'), '10.0.0.1')
    assert.equal(read('for=1.1.1.1, proto=https'), '10.0.0.1')
    assert.equal(read('for=1.1.1.1, for="a\\"b"'), '10.0.0.1')
    assert.equal(read('for=1.1.1.1, for=unknown'), '10.0.0.1')
    assert.equal(read('for=203.0.113.9;;x'), '203.0.113.9')
  })

  test('a Unix socket has no address and is trusted by its own word', () => {
    assert.equal(walk(['unix'], undefined, '203.0.113.9'), '203.0.113.9')
    assert.equal(walk(1, undefined, '203.0.113.9'), '203.0.113.9')
    assert.equal(walk(['loopback'], undefined, '203.0.113.9'), undefined)
    assert.equal(walk(false, undefined, '203.0.113.9'), undefined)
  })

  test('however hostile the header, the answer is an address or none, and untrusted peers change nothing', () => {
    const bytes = fc.string({ unit: fc.constantFrom(...'0123456789.:,;="[]\\ abfor\u00e9%'), maxLength: 200 })
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom('x-forwarded-for' as const, 'forwarded' as const),
        (header, kind) => {
          const client = walk(true, '10.0.0.1', header, kind)
          assert.ok(client !== undefined && normalAddress(client) === client, client)
          assert.equal(walk(['192.0.2.1'], '10.0.0.1', header, kind), '10.0.0.1')
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('wrong rules are refused by name', () => {
    for (const rule of [
      ['10.0.0.0/33'],
      ['example.com'],
      [''],
      ['10.0.0.0/'],
      ['::/129'],
      ['constructor'],
      1.5,
      -1,
      {} as never,
      ['1.2.3.4/8/9'],
    ])
      assert.throws(
        () => compileTrust(rule),
        { name: 'TypeError', message: /^trustProxy: / },
        JSON.stringify(rule),
      )
  })
})
