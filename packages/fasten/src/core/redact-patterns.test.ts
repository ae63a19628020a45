// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createRedactor } from './redact.ts'

const { value, text } = createRedactor()

// Put together here, so that no scanner takes this file for a leak.
const a = (times: number, letter = 'A'): string => letter.repeat(times)
const jwt = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiJ1LTQyIn0', 'abc123def456ghi789'].join('.')
const github = `${'ghp'}_${a(36)}`
const stripe = ['sk', 'live', a(24)].join('_')
const slack = ['xoxb', '123456789012', a(24, 'b')].join('-')
const google = `${'AIza'}${a(35, 'x')}`

describe('a token known by its shape', () => {
  const tokens: Readonly<Record<string, string>> = {
    [jwt]: '***JWT***',
    [`${'AKIA'}IOSFODNN7EXAMPLE`]: '***AWS_KEY***',
    [`${'ASIA'}IOSFODNN7EXAMPLE`]: '***AWS_KEY***',
    [github]: '***GH_TOKEN***',
    [`${'ghs'}_${a(36, 'B')}`]: '***GH_TOKEN***',
    [`${'github'}_pat_11ABCDEFG0${a(22, 'x')}_${a(59, 'y')}`]: '***GH_TOKEN***',
    [stripe]: '***STRIPE_KEY***',
    [['rk', 'live', a(30)].join('_')]: '***STRIPE_KEY***',
    [['sk', 'test', a(24)].join('_')]: '***STRIPE_KEY***',
    [['whsec', a(32)].join('_')]: '***STRIPE_KEY***',
    [`${'sk'}-ant-api03-${a(40, 'x')}`]: '***ANTHROPIC_KEY***',
    [`${'sk'}-${a(34)}`]: '***OPENAI_KEY***',
    [`${'sk'}-proj-${a(32)}_abcdef`]: '***OPENAI_KEY***',
    [slack]: '***SLACK_TOKEN***',
    [google]: '***GOOGLE_KEY***',
    [`${'npm'}_${a(36, 'x')}`]: '***NPM_TOKEN***',
    [`${'glpat'}-${a(20, 'x')}`]: '***GITLAB_TOKEN***',
    [`${'hf'}_${a(34, 'x')}`]: '***HF_TOKEN***',
    '4111111111111111': '***CC***',
  }
  for (const [token, mark] of Object.entries(tokens)) {
    test(`${token.slice(0, 8)}… replaces the whole value`, () => {
      assert.equal(value(token), mark)
      assert.equal(value(`before ${token} after`), mark)
    })
    test(`${token.slice(0, 8)}… is replaced in place in prose`, () => {
      assert.equal(text(`before ${token}, after`), `before ${mark}, after`)
      assert.equal(text(`${token} ${token}`), `${mark} ${mark}`)
    })
  }

  test('a private key goes up to its end line, or to the end when that was cut off', () => {
    for (const kind of ['RSA ', 'EC ', 'DSA ', 'OPENSSH ', 'ENCRYPTED ', '']) {
      const [begin, end] = [`-----BEGIN ${kind}PRIVATE KEY-----`, `-----END ${kind}PRIVATE KEY-----`]
      assert.equal(value(`${begin}\nMIIE`), '***PRIVATE_KEY***')
      assert.equal(text(`key: ${begin}\nMIIE\n${end} ok`), 'key: ***PRIVATE_KEY*** ok')
      assert.equal(text(`key: ${begin}\nMIIE`), 'key: ***PRIVATE_KEY***')
    }
    assert.equal(value('-----BEGIN CERTIFICATE-----\nMIIE'), '-----BEGIN CERTIFICATE-----\nMIIE')
    assert.equal(value('-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMIIE'), '***PRIVATE_KEY***')
  })
})

describe('what looks alike stays', () => {
  for (const harmless of [
    'task-550e8400-e29b-41d4-a716-446655440000',
    'risk-assessment-of-the-whole-company-2026',
    'disk-1234567890-1234567890-1234567890',
    '550e8400-e29b-41d4-a716-446655440000',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'eyJ is how they begin',
    'a.eyJ.b',
    'AKIA',
    'the ghp_ prefix',
    'snake_case_words_are_everywhere_here',
    'PLAKIAAAAAAAAAAAAAAAAAAAA',
    'https://example.com:8080/path@home',
    'https://alice@example.com/x',
    'mailto:alice@example.com',
    'http://[::1]:8080/a@b',
    'basic authentication failed',
    'Bearer of bad news',
    'authorization: denied',
    'max_tokens=512&n=1',
    'total_tokens=12',
    'a=b',
    '{"prompt_tokens":12,"author":"x"}',
    'Unexpected token: expected a number',
    'x = y == z',
    'if (token == null) return',
    '(token) => 1',
    'token => 1',
    '"token":',
    '{"token"',
    'http://a/?q=token',
    '2026-06-15T10:30:45.123456Z',
    'Österreich ⛰ 😀',
  ]) {
    test(JSON.stringify(harmless), () => {
      assert.equal(value(harmless), harmless)
      assert.equal(text(harmless), harmless)
    })
  }
})

describe('a secret known by what stands before it goes, its surroundings stay', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['postgres://u:pw@h', 'postgres://u:***@h'],
    ['postgres://app:p%40ss@db:5432/x?a=b', 'postgres://app:***@db:5432/x?a=b'],
    ['redis://:pw@h:6379/0', 'redis://:***@h:6379/0'],
    ['postgres://u:p/w@h/db', 'postgres://u:***@h/db'],
    ['postgres://u:p@w@h/db', 'postgres://u:***@h/db'],
    ['from amqp://a:b@c and mqtts://d:e@f.', 'from amqp://a:***@c and mqtts://d:***@f.'],
    ['"mongodb+srv://u:pw@h/x"', '"mongodb+srv://u:***@h/x"'],
    ['Authorization: Basic dXNlcjpwdw==', 'Authorization: Basic ***'],
    ['authorization: bearer abc', 'authorization: bearer ***'],
    ['Proxy-Authorization: Token 0123456789abcdef', 'Proxy-Authorization: Token ***'],
    ['Authorization: Digest username="x", response="6629fae4"', 'Authorization: Digest ***'],
    ['-H "Authorization: Bearer abcDEF123456" https://h', '-H "Authorization: Bearer ***" https://h'],
    ['{"Authorization":"Bearer abcDEF123456"}', '{"Authorization":"***"}'],
    ['sent Bearer abcDEF123456 there', 'sent Bearer *** there'],
    ['https://h/cb?access_token=abc&state=1', 'https://h/cb?access_token=***&state=1'],
    ['https://h/?api_key=abc#frag', 'https://h/?api_key=***'],
    ['Server=db;User=sa;Password=abc def;', 'Server=db;User=sa;Password=*** def;'],
    ['host=h user=u password=abc dbname=d', 'host=h user=u password=*** dbname=d'],
    ['PGPASSWORD=abc psql', 'PGPASSWORD=*** psql'],
    ["password='a b c' x", "password='***' x"],
    ['client_secret="a b', 'client_secret="***"'],
    ['{"user":"x","password":"a\\"b","n":1}', '{"user":"x","password":"***","n":1}'],
    ['{"token": 12345, "ok": true}', '{"token": "***", "ok": true}'],
    ["{'apiKey': 'abc'}", "{'apiKey': '***'}"],
    ['"{\\"password\\":\\"abc\\",\\"x\\":1}"', '"{\\"password\\":\\"***\\",\\"x\\":1}"'],
    ['{"credentials": {"a":"}", "b":[1,2]}, "n":1}', '{"credentials": "***", "n":1}'],
    ['{"cookies":["a=b","c"],"n":1}', '{"cookies":"***","n":1}'],
    ['{"secret":{"a":"b', '{"secret":"***"'],
    ['[{"token":1},{"token":2}]', '[{"token":"***"},{"token":"***"}]'],
    ['{"max_tokens":"abc","prompt_tokens":12}', '{"max_tokens":"***","prompt_tokens":12}'],
    ['password = hunter2', 'password = ***'],
    ['tokens=abcdef', 'tokens=***'],
  ]
  for (const [given, expected] of cases) {
    test(given, () => {
      assert.equal(value(given), expected)
      assert.equal(text(given), expected)
      assert.equal(text(expected), expected, 'once is enough')
    })
  }
})

test('a custom replacement is used for these and not for shapes', () => {
  const own = createRedactor({ replacement: '[gone]' })
  assert.deepEqual(own.value({ password: 1, note: jwt, dsn: 'redis://:x@h' }), {
    dsn: 'redis://:[gone]@h',
    note: '***JWT***',
    password: '[gone]',
  })
})

describe('added patterns', () => {
  const own = createRedactor({
    extraPatterns: [{ name: 'badge', pattern: /\bB-\d{4}\b/i, replacement: '$1-badge' }],
  })

  test('replace a whole value, and a match in prose, with their replacement as it is', () => {
    assert.equal(own.value('badge b-1234 seen'), '$1-badge')
    assert.equal(own.text('badge b-1234 and B-5678 seen'), 'badge $1-badge and $1-badge seen')
    assert.equal(own.value('badge 1234'), 'badge 1234')
  })

  test('find what lies far into a long text and across the seam of two windows', () => {
    for (const lead of [0, 1, 3_060, 3_072, 4_090, 4_096, 9_999, 40_000]) {
      assert.equal(own.text(`${'x '.repeat(lead / 2)} B-1234`).slice(-8), '$1-badge', String(lead))
    }
  })

  test('keep the meaning of ^ and \\b at the seams', () => {
    const anchored = createRedactor({ extraPatterns: [{ name: 'start', pattern: /^x/, replacement: '!' }] })
    assert.equal(anchored.text('x'.repeat(10_000)), `!${'x'.repeat(9_999)}`)
  })

  test('are refused when they may take exponential time', () => {
    const refused = [
      /(a+)+$/,
      /(a*)*b/,
      /(?:a+)+/,
      /(a|a)*b/,
      /(\w+\s?)*x/,
      /((a+)b)+/,
      /(a{1,99})+/,
      /(x+x+)+y/,
      /(a)\1+/,
      /(?<n>a)\k<n>/,
      /a*/,
    ]
    for (const pattern of refused) {
      assert.throws(
        () => createRedactor({ extraPatterns: [{ name: 'slow', pattern, replacement: '' }] }),
        (error) => error instanceof TypeError && error.message.includes('"slow"'),
        String(pattern),
      )
    }
  })

  test('are accepted when they are plainly harmless', () => {
    for (const pattern of [
      /[a-z]+-\d+/,
      /(?:ab){2,4}c/,
      /(?:foo|bar)-\d{3}/,
      /\bEMP\d{6}\b/,
      /x\(\+y/,
      /[(+*]+/,
      /(?:a|b){3}/,
      /a{,3}b/,
      /\\1/,
    ]) {
      assert.doesNotThrow(
        () => createRedactor({ extraPatterns: [{ name: 'fine', pattern, replacement: '' }] }),
        String(pattern),
      )
    }
  })
})

test('a lone surrogate becomes the replacement character', () => {
  assert.equal(value('a\ud800b'), 'a\ufffdb')
  assert.equal(text('\udc00'), '\ufffd')
  assert.equal(value('😀'), '😀')
})
