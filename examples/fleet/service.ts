// SPDX-License-Identifier: Apache-2.0
// One of three services of a shop, each on a node of its own with a file of its own. Nothing in here knows of the fleet: FASTEN_FLEET_URL and
// FASTEN_FLEET_TOKEN in the environment are all there is.
import { createServer } from 'node:http'
import { join } from 'node:path'
import fasten from 'fasten'
import { wrap } from 'fasten/http/node'
import { instrumentFetch } from 'fasten/http/outbound'

const service = process.env['SERVICE'] ?? 'web'
const next = process.env['NEXT_URL']

fasten.init({ service_id: service, codes: [join(import.meta.dirname, 'shop.codes.yaml')] })
if (next !== undefined) instrumentFetch({ hosts: new URL(next).host }) // the id goes along to the next service, and to nobody else

/** What each service does with an order before it hands it on. Answers why it goes no further. */
const work: Readonly<Record<string, (order: Order) => string | undefined>> = {
  web(order) {
    fasten.emit({
      code: 'ORDER_PLACED',
      target: order.id,
      actor: order.customer,
      detail: { item: order.item },
    })
    return undefined
  },
  payments(order) {
    const isGood = order.card !== 'expired'
    fasten.emit({
      code: isGood ? 'PAYMENT_TAKEN' : 'PAYMENT_REFUSED',
      target: order.id,
      actor: 'card-network',
      outcome: isGood ? 'success' : 'failure',
      detail: { cents: order.cents },
    })
    if (!isGood) fasten.log.warn('card_refused', { order: order.id, reason: order.card })
    return isGood ? undefined : 'the card has expired'
  },
  warehouse(order) {
    fasten.log.info('shelf_found', { item: order.item, shelf: 'B-12' })
    fasten.emit({ code: 'PARCEL_PACKED', target: order.id, actor: 'robot-3' })
    return undefined
  },
}

interface Order {
  readonly id: string
  readonly customer: string
  readonly item: string
  readonly cents: number
  readonly card: string
}

const server = createServer(
  wrap(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk)
    const order = JSON.parse(Buffer.concat(chunks).toString()) as Order
    const refusal = work[service]?.(order)
    const answer =
      refusal === undefined && next !== undefined
        ? await fetch(next, { method: 'POST', body: JSON.stringify(order) })
        : new Response(refusal ?? 'on its way', { status: refusal === undefined ? 200 : 402 })
    res.writeHead(answer.status, { 'content-type': 'text/plain' }).end(await answer.text())
  }),
)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(
    `${service} listens on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`,
  )
})
process.once('SIGTERM', () => server.close())
