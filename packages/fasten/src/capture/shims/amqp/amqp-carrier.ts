// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { headerIn } from '../header-in.ts'

/** Where an AMQP message has its headers: the options of `publish`, and the `properties` of what arrives. */
export interface AmqpProperties {
  readonly headers?: Readonly<Record<string, unknown>> | undefined
}

/** The ids as headers. `correlationId` and `messageId` are the application's, and nobody touches them. */
export const amqpCarrier: Carrier<AmqpProperties> = createHeaderCarrier<AmqpProperties>({
  name: 'amqp',
  method: 'queue',
  get: ({ headers }, name) => headerIn(headers, name),
  set: (properties, name, value) => ({ ...properties, headers: { ...properties.headers, [name]: value } }),
})
