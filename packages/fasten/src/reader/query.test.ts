// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { streams } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'
import { encodeAfter, encodePageCursor } from './cursor.ts'
import { filterParameters, filtersOf, steering } from './parameters.ts'
import { parsePageQuery, parseTailQuery, parseVerifyRange } from './query.ts'
import { searchOfPage } from './question-search.ts'
import { translate, chipsToSearch } from './translator.ts'
import { codePoint } from '../core/fixtures/code-point.ts'

const now = 1_793_500_200_000_000
const ask = (text: string, stream: 'audit' | 'sys' | 'api' = 'audit') =>
  parsePageQuery(new URLSearchParams(text), stream, now)
const filterOf = (text: string, stream: 'audit' | 'sys' | 'api' = 'audit') => {
  const parsed = ask(text, stream)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.value.filter
}
const wrong = (text: string, stream: 'audit' | 'sys' | 'api' = 'audit') => {
  const parsed = ask(text, stream)
  assert.ok(!parsed.ok, `${text} was accepted`)
  return parsed.problems.map(({ parameter, status, code }) => `${status} ${code} ${parameter}`)
}

describe('parsePageQuery', () => {
  test('the example of every parameter is accepted where it applies, and sets its member', () => {
    for (const stream of streams) {
      for (const { name, example, filter } of filtersOf(stream)) {
        const search = new URLSearchParams({
          [name]:
            stream === 'api' && name === 'has_flag'
              ? 'error'
              : stream === 'sys' && name === 'has_flag'
                ? 'logger'
                : example,
        })
        if (name === 'q') search.set('since', '-1d')
        const parsed = parsePageQuery(search, stream, now)
        assert.ok(parsed.ok, `${stream} ${name}: ${JSON.stringify(parsed)}`)
        assert.ok(filter !== undefined && parsed.value.filter[filter] !== undefined, name)
      }
    }
  })

  test('defaults are those of the published readers', () => {
    assert.deepEqual(ask(''), {
      ok: true,
      value: { stream: 'audit', filter: {}, limit: 100, order: 'newest', total: 'bounded' },
    })
  })

  test('times are RFC 3339, dates, now, or relative', () => {
    const at = formatMicros(now)
    assert.equal(filterOf('since=now').since, at)
    assert.equal(filterOf('since=-2h').since, formatMicros(now - 7_200_000_000))
    assert.equal(filterOf('since=2026-09-30T10:00:00%2B05:30').since, '2026-09-30T04:30:00.000000Z')
    assert.equal(filterOf('since=2026-09-30').since, '2026-09-30T00:00:00.000000Z')
    assert.equal(filterOf('until=2026-09-30').until, '2026-09-30T23:59:59.999999Z')
    for (const bad of [
      'yesterday',
      '2026-02-30',
      '2026-9-30',
      '-2x',
      '--2h',
      '+999999999y',
      '-999999999y',
      '2026-09-30T25:00:00Z',
      '1e9',
    ])
      assert.deepEqual(wrong(`since=${encodeURIComponent(bad)}`), ['422 QUERY_VALUE since'], bad)
    assert.deepEqual(wrong('since=2026-09-30&until=2026-09-29'), ['422 QUERY_VALUE since'])
  })

  test('a relative time keeps its instant over all pages', () => {
    const since = '2026-09-30T00:00:00.000000Z'
    const cursor = encodePageCursor({ fingerprint: 'f', timestamp: since, position: 1, snapshot: 1, since })
    assert.equal(filterOf(`since=-2h&cursor=${cursor}`).since, since)
    assert.equal(filterOf(`since=2026-09-29&cursor=${cursor}`).since, '2026-09-29T00:00:00.000000Z')
  })

  test('prefixes end in a star, or in a dot', () => {
    assert.equal(filterOf('code=USER_*').code, 'USER_*')
    assert.equal(filterOf('action=user.').action, 'user.*')
    assert.equal(filterOf('action=user').action, 'user')
    assert.deepEqual(wrong('code=*_LOGIN'), ['422 QUERY_VALUE code'])
    assert.deepEqual(wrong('code=A*B*'), ['422 QUERY_VALUE code'])
  })

  test('older words are understood', () => {
    assert.equal(filterOf('actor_kind=schedule').actor_kind, 'scheduler')
    assert.equal(filterOf('level=warning', 'sys').level, 'warn')
    assert.equal(filterOf('method=get', 'api').method, 'GET')
    const parsed = ask('after=7')
    assert.equal(parsed.ok && parsed.value.cursor, encodeAfter(7))
  })

  test('what is excluded is read as the parameter that it names', () => {
    assert.deepEqual(filterOf('not=code:ORDER_*&not=action:user.&not=has:reason&not=status:404').not, [
      { code: 'ORDER_*' },
      { action: 'user.*' },
      { has: ['reason'] },
      { status: 404 },
    ])
    assert.deepEqual(filterOf('not=method:get&not=target:a:b', 'api').not, [
      { method: 'GET' },
      { target: 'a:b' },
    ])
    for (const bad of [
      '',
      'code',
      'code:',
      ':x',
      'since:-2h',
      'q:x',
      'not:code:x',
      'colour:blue',
      'status:99',
    ])
      assert.deepEqual(wrong(`not=${bad}`), ['422 QUERY_VALUE not'], bad)
    const parsed = ask('not=severity:loud')
    assert.match(parsed.ok ? '' : (parsed.problems[0]?.detail ?? ''), /^not severity "loud" is none of debug/)
  })

  test('what is wrong is located, and told apart', () => {
    assert.deepEqual(wrong('limit=0'), ['422 QUERY_VALUE limit'])
    assert.deepEqual(wrong('limit=1001'), ['422 QUERY_VALUE limit'])
    assert.deepEqual(wrong('limit=99999999999999999999999'), ['422 QUERY_VALUE limit'])
    for (const bad of ['', '1.5', '0x10', '1e2', ' 1', 'ten', '-1', 'NaN', 'Infinity', '+1'])
      assert.deepEqual(wrong(`limit=${encodeURIComponent(bad)}`), ['422 QUERY_VALUE limit'], bad)
    assert.deepEqual(wrong('nope=1'), ['400 QUERY_UNKNOWN nope'])
    assert.deepEqual(wrong('level=info'), ['400 QUERY_UNKNOWN level'])
    assert.deepEqual(wrong('code=A&code=B'), ['400 QUERY_REPEATED code'])
    assert.deepEqual(wrong('severity=loud'), ['422 QUERY_VALUE severity'])
    assert.deepEqual(wrong('severity=constructor'), ['422 QUERY_VALUE severity'])
    assert.deepEqual(wrong('actor_kind=toString'), ['422 QUERY_VALUE actor_kind'])
    assert.deepEqual(wrong('actor='), ['422 QUERY_VALUE actor'])
    assert.deepEqual(wrong('actor=a%00b'), ['422 QUERY_VALUE actor'])
    assert.deepEqual(wrong('actor=a%0d%0ab'), ['422 QUERY_VALUE actor'])
    assert.deepEqual(wrong(`actor=${'x'.repeat(300)}`), ['422 QUERY_VALUE actor'])
    assert.deepEqual(wrong('request_id=a%20b'), ['422 QUERY_VALUE request_id'])
    assert.deepEqual(wrong('has_flag=hash'), ['422 QUERY_VALUE has_flag'])
    assert.deepEqual(wrong('has_flag=reason', 'sys'), ['400 QUERY_CONFLICT has_flag'])
    assert.deepEqual(wrong('status=99', 'api'), ['422 QUERY_VALUE status'])
    assert.deepEqual(wrong('q=x'), ['422 QUERY_MISSING since'])
    assert.deepEqual(wrong('q=x&since=-1h&total=exact'), ['400 QUERY_CONFLICT total'])
    assert.deepEqual(wrong('cursor=abcd&after=1'), ['400 QUERY_CONFLICT after'])
    assert.deepEqual(wrong('cursor=abcd&offset=1'), ['400 QUERY_CONFLICT offset'])
    assert.deepEqual(wrong('cursor=a+b'), ['422 QUERY_VALUE cursor'])
    assert.deepEqual(wrong('nope=1&limit=0&actor='), [
      '400 QUERY_UNKNOWN nope',
      '422 QUERY_VALUE limit',
      '422 QUERY_VALUE actor',
    ])
  })

  test('a wrong value is shown printable and short', () => {
    const parsed = ask(`severity=${encodeURIComponent(`\u202e<script>${'x'.repeat(500)}`)}`)
    assert.ok(!parsed.ok)
    const detail = parsed.problems[0]?.detail ?? ''
    assert.ok(detail.length < 200 && !detail.includes('\u202e'), detail)
  })

  test('no query, however strange, is anything but parsed or refused', () => {
    const names = fc.oneof(
      fc.constantFrom(...filterParameters.map(({ name }) => name), ...Object.keys(steering)),
      fc.string(),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(names, fc.string({ unit: codePoint }))),
        fc.constantFrom(...streams),
        (pairs, stream) => {
          const search = new URLSearchParams()
          for (const [name, value] of pairs) search.append(name.toWellFormed(), value.toWellFormed())
          const parsed = parsePageQuery(search, stream, now)
          for (const problem of parsed.ok ? [] : parsed.problems)
            assert.ok(problem.status === 400 || problem.status === 422)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a query that is written out reads back the same', () => {
    const value = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'aB9 .:/é&=+%#') })
    const filter = fc.record(
      {
        actor: value,
        target: value,
        domain: value,
        service_id: value,
        method: value,
        code: value,
        severity: fc.constantFrom('info', 'error'),
        has: fc.uniqueArray(fc.constantFrom('reason', 'pii_in_detail', 'sd'), { minLength: 1 }),
        not: fc.array(
          fc.oneof(
            fc.record({ actor: value }, { noNullPrototype: true }),
            fc.record({ code: value }, { noNullPrototype: true }),
            fc.record({ status: fc.integer({ min: 100, max: 599 }) }, { noNullPrototype: true }),
            fc.constant({ has: ['reason'] }),
          ),
          { minLength: 1, maxLength: 3 },
        ),
        since: fc.constant('2026-01-01T00:00:00.000001Z'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        filter,
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom('newest', 'oldest'),
        (asked, limit, order) => {
          const query = { stream: 'audit', filter: { ...asked }, limit, order, total: 'none' } as const
          assert.deepEqual(parsePageQuery(searchOfPage(query), 'audit', now), { ok: true, value: query })
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('other questions', () => {
  test('a tail takes filters of its streams only', () => {
    const parsed = parseTailQuery(new URLSearchParams('streams=sys,audit&code=A*&backlog=5'), now)
    assert.deepEqual(parsed, {
      ok: true,
      value: { streams: ['audit', 'sys'], filter: { code: 'A*' }, backlog: 5 },
    })
    const refused = parseTailQuery(new URLSearchParams('streams=sys&code=A'), now)
    assert.ok(!refused.ok && refused.problems[0]?.parameter === 'code')
    assert.ok(!parseTailQuery(new URLSearchParams('since=-1h'), now).ok)
  })

  test('a range to verify is a log, a stream, or a part', () => {
    assert.deepEqual(parseVerifyRange(new URLSearchParams('log=_/a/b/audit&from_seq=3&to_seq=9'), now), {
      ok: true,
      value: { log: '_/a/b/audit', from_seq: 3, to_seq: 9 },
    })
    assert.ok(!parseVerifyRange(new URLSearchParams('from_seq=9&to_seq=3'), now).ok)
    assert.ok(!parseVerifyRange(new URLSearchParams('stream=all'), now).ok)
  })
})

describe('translate', () => {
  // What each text means is pinned down in spec/vectors/query.
  test('chips become parameters', () => {
    assert.equal(
      String(chipsToSearch(translate('level:error 4f1c2a9be07d boom'))),
      'level=error&request_id=4f1c2a9be07d&q=boom',
    )
    assert.equal(
      String(chipsToSearch(translate('-code:A level:error -code:"B C" -has:sd -code:A'))),
      'level=error&not=code%3AA&not=code%3AB+C&not=has_flag%3Asd',
    )
  })

  test('any text is translated, in time linear in its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint, maxLength: 200 }), (text) => void translate(text)),
      { numRuns: 200 },
    )
    for (const text of [`orphan-${'a'.repeat(200_000)}`, `"${'x:'.repeat(100_000)}`, 'a:'.repeat(100_000)])
      translate(text)
  })
})
