// SPDX-License-Identifier: Apache-2.0
import type { CanonicalInput } from '../../packages/fasten/src/core/fixtures/answer.ts'
import type { JsonValue } from '../../packages/fasten/src/core/row.ts'
import type { VectorCases } from './case.ts'

type Check = { input: CanonicalInput; claim: unknown }

const says = (value: JsonValue, text: string): Check => ({ input: { value }, claim: { text } })
const refuses = (value: JsonValue): Check => ({ input: { value }, claim: { refused: true } })
const judges = (text: string, canonical: boolean): Check => ({ input: { text }, claim: { canonical } })
const prints = (ieee754: string, text: string): Check => ({ input: { ieee754 }, claim: { text } })

export const canonicalCases: VectorCases<CanonicalInput> = {
  'order-of-names': {
    about: `Names ascend by their UTF-16 code units, at every depth (RFC 8785 section 3.2.3). An emoji, whose first unit is D83D, comes before
U+FB33 and U+FF5E although its code point is greater: an implementation that sorts by code point or by UTF-8 bytes gets this wrong.
Names that look like numbers are names.`,
    checks: [
      says(
        {
          '\u20ac': 'Euro Sign',
          '\r': 'Carriage Return',
          '\ufb33': 'Dalet',
          '1': 'One',
          '\u{1f600}': 'Emoji',
          '\u0080': 'Control',
          '\u00f6': 'O Diaeresis',
        },
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"O Diaeresis","€":"Euro Sign","\u{1f600}":"Emoji","\ufb33":"Dalet"}',
      ),
      says(
        { b: [{ z: 1, a: { '\uff5e': 1, '\u{1f600}': 2 } }], a: null },
        '{"a":null,"b":[{"a":{"\u{1f600}":2,"\uff5e":1},"z":1}]}',
      ),
      says({ '9': 1, '10': 2, '': 3, A: 4, a: 5, _: 6 }, '{"":3,"10":2,"9":1,"A":4,"_":6,"a":5}'),
      says({ ab: 1, a: 2, 'a\u0000': 3, 'a"': 4 }, '{"a":2,"a\\u0000":3,"a\\"":4,"ab":1}'),
    ],
  },
  strings: {
    about: `Backspace, tab, line feed, form feed and carriage return have short escapes, other characters below U+0020 have \`\\u00xx\` in
lower case, quote and backslash are escaped, and nothing else is: not the slash, not DEL, not U+2028, not letters beyond ASCII.`,
    checks: [
      says('\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
      says('\b\t\n\f\r\u0000\u001f', '"\\b\\t\\n\\f\\r\\u0000\\u001f"'),
      says(
        '\u007f\u0080\u2028\u2029\ufeff\ufffd\u{1f600}</script>',
        '"\u007f\u0080\u2028\u2029\ufeff\ufffd\u{1f600}</script>"',
      ),
      says('', '""'),
    ],
  },
  numbers: {
    about: `Numbers are doubles and are printed as ECMAScript prints them: the shortest digits that read back as the same double, the
exponent form below 1e-6 and from 1e21 on. Minus zero is zero. Inputs are the eight bytes of the double in hex; those with
a claim in RFC 8785 appendix B are all here.`,
    checks: [
      prints('0000000000000000', '0'),
      prints('8000000000000000', '0'),
      prints('0000000000000001', '5e-324'),
      prints('8000000000000001', '-5e-324'),
      prints('7fefffffffffffff', '1.7976931348623157e+308'),
      prints('ffefffffffffffff', '-1.7976931348623157e+308'),
      prints('4340000000000000', '9007199254740992'),
      prints('c340000000000000', '-9007199254740992'),
      prints('4430000000000000', '295147905179352830000'),
      prints('44b52d02c7e14af5', '9.999999999999997e+22'),
      prints('44b52d02c7e14af6', '1e+23'),
      prints('44b52d02c7e14af7', '1.0000000000000001e+23'),
      prints('444b1ae4d6e2ef4e', '999999999999999700000'),
      prints('444b1ae4d6e2ef4f', '999999999999999900000'),
      prints('444b1ae4d6e2ef50', '1e+21'),
      prints('3eb0c6f7a0b5ed8c', '9.999999999999997e-7'),
      prints('3eb0c6f7a0b5ed8d', '0.000001'),
      prints('41b3de4355555553', '333333333.3333332'),
      prints('41b3de4355555554', '333333333.33333325'),
      prints('41b3de4355555555', '333333333.3333333'),
      prints('41b3de4355555556', '333333333.3333334'),
      prints('41b3de4355555557', '333333333.33333343'),
      prints('becbf647612f3696', '-0.0000033333333333333333'),
      prints('43143ff3c1cb0959', '1424953923781206.2'),
      prints('4052c00000000000', '75'),
    ],
  },
  'numbers-that-are-none': {
    about: 'NaN and the infinities have no text; they are refused, never written as null.',
    checks: [
      { input: { ieee754: '7fffffffffffffff' }, claim: { refused: true } },
      { input: { ieee754: '7ff0000000000000' }, claim: { refused: true } },
      { input: { ieee754: 'fff0000000000000' }, claim: { refused: true } },
    ],
  },
  'lone-surrogates': {
    about: `Half of a surrogate pair has no UTF-8 form, so neither a string nor a name with one has canonical text. Redaction replaces
such halves before a row gets here; what does get here is refused.`,
    checks: [
      refuses('\ud800'),
      refuses({ a: ['x\udc00'] }),
      refuses({ '\udfff': 1 }),
      refuses('\udc00\ud800'),
      says('\ud83d\ude00', '"😀"'),
    ],
  },
  'whole-value': {
    about: 'The example of RFC 8785 section 3.2.2, and values that are no object.',
    checks: [
      says(
        {
          numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
          string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
          literals: [null, true, false],
        },
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
      ),
      says({}, '{}'),
      says([], '[]'),
      says([[], {}, [[]]], '[[],{},[[]]]'),
      says(null, 'null'),
      says(true, 'true'),
    ],
  },
  'text-that-is-canonical': {
    about: 'What a verifier must accept, so that being strict is not the same as refusing everything.',
    checks: [
      judges('{}', true),
      judges('{"a":[1,-1,0.5,1e+21,5e-324,"é\\u0001\\n\\"\\\\"],"b":{"c":null,"d":true,"e":false}}', true),
      judges('{"":0,"1":0,"10":0,"9":0,"\u{1f600}":0,"\uff5e":0}', true),
    ],
  },
  'text-that-is-not-canonical': {
    about: `Everything else that a lenient parser would read as the same value: whitespace, names out of order or twice, escapes that
need not be or could be shorter, upper-case hex, numbers with more digits than needed, text before or after. Two texts for one
value would let an editor change a leaf unseen.`,
    checks: [
      '',
      ' {}',
      '{} ',
      '\ufeff{}',
      '{"a": 1}',
      '{"b":1,"a":1}',
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '{"\uff5e":0,"\u{1f600}":0}',
      '"\\u0041"',
      '"\\/"',
      '"\\u000a"',
      '"\\u001F"',
      '"\\ud800"',
      '"\t"',
      '1.0',
      '-0',
      '01',
      '1e2',
      '1E21',
      '1e21',
      '0.0000001',
      '9007199254740993',
      '[1,]',
      '{"a":1,}',
      'NaN',
      'nul',
      '{}{}',
      "{'a':1}",
    ].map((text) => judges(text, false)),
  },
  'nesting-beyond-the-limit': {
    about: `512 levels of arrays and objects are canonical, 513 are refused: a verifier must not be brought down by the evidence. Rows
stay far below, since detail is cut at 32.`,
    checks: [
      {
        input: {
          text: {
            $join: [
              { repeat: '[', times: 512 },
              { repeat: ']', times: 512 },
            ],
          },
        },
        claim: { canonical: true },
      },
      {
        input: {
          text: {
            $join: [
              { repeat: '[', times: 513 },
              { repeat: ']', times: 513 },
            ],
          },
        },
        claim: { canonical: false },
      },
      { input: { text: { $join: [{ repeat: '[', times: 60_000 }] } }, claim: { canonical: false } },
    ],
  },
}
