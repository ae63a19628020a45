// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'

/** A record of an SQS batch as Lambda gets it, as far as it is read. */
export interface SqsRecord {
  readonly messageId: string
  readonly body: string
  /** Of a FIFO queue, these name the group in which order counts. */
  readonly attributes?: { readonly MessageGroupId?: string }
  readonly messageAttributes?: Readonly<
    Record<string, { readonly stringValue?: string; readonly dataType?: string }>
  >
}

/** The ids in the message attributes of an SQS message. */
export const sqsCarrier: Carrier<Pick<SqsRecord, 'body' | 'messageAttributes'>> = createHeaderCarrier({
  name: 'sqs',
  method: 'queue',
  get: ({ messageAttributes }, name) => messageAttributes?.[name]?.stringValue,
  set: (message, name, stringValue) => ({
    ...message,
    messageAttributes: { ...message.messageAttributes, [name]: { stringValue, dataType: 'String' } },
  }),
})

type Members = Readonly<Record<string, unknown>>

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null ? (value as Members) : {}

/** Events that are not HTTP: where each of the published shapes has room for ids. Only read. */
export const eventCarrier: Carrier<unknown> = createHeaderCarrier<unknown>({
  name: 'event',
  method: 'event',
  get(event, name) {
    const members = membersOf(event)
    const records = Array.isArray(members['Records']) ? (members['Records'] as readonly unknown[]) : []
    // A batch of several belongs to no single request; `eachSqsRecord` takes them one by one.
    if (records.length > 1) return undefined
    const record = membersOf(records[0])
    const ofSqs = membersOf(membersOf(record['messageAttributes'])[name])['stringValue']
    const ofSns = membersOf(membersOf(membersOf(record['Sns'])['MessageAttributes'])[name])['Value']
    // EventBridge and direct calls have JSON; CloudEvents have trace members of their own.
    const inJson =
      name === 'x-request-id' ? (membersOf(members['detail'])['_req'] ?? members['_req']) : members[name]
    return ofSqs ?? ofSns ?? inJson
  },
  set: (event) => event,
})
