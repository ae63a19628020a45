// SPDX-License-Identifier: Apache-2.0
import type { DisclosureInput } from '../../packages/fasten/src/core/fixtures/answer.ts'
import type { JsonObject } from '../../packages/fasten/src/core/row.ts'
import type { PersonalMembers } from '../../packages/fasten/src/core/personal.ts'
import type { VectorCases } from './case.ts'

type Check = { input: DisclosureInput; claim: unknown }

const reads = (text: string, claim: object): Check => ({ input: { text }, claim })
/** `taken`: pointer, value, subject. */
const takes = (
  row: JsonObject,
  members: PersonalMembers,
  taken: readonly (readonly [pointer: string, value: unknown, subject: string])[],
  left: JsonObject,
): Check => ({
  input: { row, members },
  claim: { taken: taken.map(([pointer, value, subject]) => ({ pointer, value, subject })), row: left },
})

const ann = { id: 'user:ann', email: 'ann@example.org' }
const bob = { id: 'user:bob', email: 'bob@example.org' }
const row = { id: 'evt-1', actor: 'user:ann', target: 'gift:1' }

export const disclosureCases: VectorCases<DisclosureInput> = {
  'text-and-commitment': {
    about: `What is digested is the text as it is, whoever wrote it: spaces or another order of escapes in the JSON make another text and another
commitment, and it is read all the same. The first was worked out with Python's hashlib and with openssl.`,
    checks: [
      reads('WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiZW1haWwiLCJhbm5AZXhhbXBsZS5vcmciXQ', {
        salt: 'AAAAAAAAAAAAAAAAAAAAAA',
        name: 'email',
        value: 'ann@example.org',
        commitment: 'bIV-s9DKn6KESBKBsTLwyxJLyXstyBSpLrwRUKzn_EM',
      }),
      reads('WyJzIiwgIm4iLCAxXQ', { salt: 's', name: 'n', value: 1 }),
      reads('bnVsbA', { refused: true }),
      reads('WyJhIiwiYiJd', { refused: true }),
    ],
  },
  'members-and-subjects': {
    about: `What a code declares leaves the row: members of the detail, in every item of an array on the way, anchors and members of the source.
Whom a value is about is the member that is named for it (in the same item), the anchor itself, the actor for the source, else the target, and for
want of all of them the row's own id.`,
    checks: [
      takes(
        { ...row, detail: { payer: ann, friends: [bob, { ...ann, size: 3 }] } },
        {
          pii: ['detail.payer.email', 'detail.friends.email', 'actor'],
          pii_subjects: {
            'detail.payer.email': 'detail.payer.id',
            'detail.friends.email': 'detail.friends.id',
          },
        },
        [
          ['/actor', 'user:ann', 'user:ann'],
          ['/detail/friends/0/email', bob.email, 'user:bob'],
          ['/detail/friends/1/email', ann.email, 'user:ann'],
          ['/detail/payer/email', ann.email, 'user:ann'],
        ],
        {
          id: 'evt-1',
          target: 'gift:1',
          detail: { payer: { id: 'user:ann' }, friends: [{ id: 'user:bob' }, { id: 'user:ann', size: 3 }] },
        },
      ),
      takes(
        { ...row, source: { ip: '10.0.0.1', port: 1 }, detail: { note: 'x' } },
        { pii: ['detail.note', 'source.ip'] },
        [
          ['/detail/note', 'x', 'gift:1'],
          ['/source/ip', '10.0.0.1', 'user:ann'],
        ],
        { ...row, source: { port: 1 }, detail: {} },
      ),
      takes(
        { id: 'evt-1', detail: { note: 'x' } },
        { pii: ['detail.note'] },
        [['/detail/note', 'x', 'evt-1']],
        {
          id: 'evt-1',
          detail: {},
        },
      ),
    ],
  },
  'detail-as-a-whole': {
    about: `With pii_in_detail each member of the detail but those passed through is a disclosure of its own. The names stay.`,
    checks: [
      takes(
        { ...row, detail: { note: 'x', size: 3, 'a/b~c': { deep: true } } },
        { pii_in_detail: true, detail_passthrough_keys: ['size'], pii_subject: 'actor' },
        [
          ['/detail/a~1b~0c', { deep: true }, 'user:ann'],
          ['/detail/note', 'x', 'user:ann'],
        ],
        { ...row, detail: { size: 3 } },
      ),
    ],
  },
  'another-shape-than-declared': {
    about: `What is not of the declared shape goes too far rather than stays in clear: a name with dots in it is the declared one, a plain value where the way leads
on goes as a whole, and so does a list with a plain value in it.`,
    checks: [
      takes(
        { ...row, detail: { 'payer.email': ann.email, size: 1 } },
        { pii: ['detail.payer.email'] },
        [['/detail/payer.email', ann.email, 'gift:1']],
        { ...row, detail: { size: 1 } },
      ),
      takes(
        { ...row, detail: { payer: ann.email, friends: [bob, ann.email], none: null } },
        { pii: ['detail.payer.email', 'detail.friends.email', 'detail.none.email'] },
        [
          ['/detail/friends', [bob, ann.email], 'gift:1'],
          ['/detail/payer', ann.email, 'gift:1'],
        ],
        { ...row, detail: { none: null } },
      ),
    ],
  },
  'more-pointers-than-a-row-may-have': {
    about: `128 pointers are kept apart; with one more the whole detail is one disclosure.`,
    checks: [
      {
        input: { row: { ...row, detail: {} }, members: { pii: ['detail.many.email'] }, many: 128 },
        claim: { pointers: 128 },
      },
      {
        input: { row: { ...row, detail: {} }, members: { pii: ['detail.many.email'] }, many: 129 },
        claim: { pointers: 1, first: '/detail' },
      },
    ],
  },
}
