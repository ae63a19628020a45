// SPDX-License-Identifier: Apache-2.0
import { carriedNow, contextOf, type Carried } from '../../carriers/carrier.ts'
import { runWithContext, type RequestContext } from '../../context.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { noteOf } from '../process/note.ts'
import { contextOfHandshake, type Handshake } from '../ws/server.ts'
import { whoOf } from '../ws/socket.ts'
import { boundAck } from './acknowledgement.ts'
import {
  ioCarrier,
  noteMember,
  packetType,
  packetWith,
  takeNote,
  type IoEvent,
  type IoPacket,
} from './event.ts'

/** A connection of Engine.IO, which sockets of several namespaces share. */
interface ServerClient {
  writeToEngine(encoded: unknown, options: { readonly wsPreEncodedFrame?: unknown }): void
}

interface Adapter {
  broadcast(packet: IoPacket, options: BroadcastOptions): void
  broadcastWithAck(packet: IoPacket, options: BroadcastOptions, ...rest: never[]): void
}

/** To whom a broadcast goes, and how: an adapter sends both on to the other servers, as it does the packet. */
interface BroadcastOptions {
  readonly flags?: { readonly [noteMember]?: unknown }
}

/** A namespace of `socket.io`. */
export interface ServerNamespace {
  readonly name: string
  readonly adapter: Adapter
  readonly server: { readonly encoder: { encode(packet: IoPacket): unknown } }
  to(room: string): { readonly adapter: Adapter; emit(name: string, ...values: unknown[]): boolean }
  run(socket: ServerSocket, done: never): void
  _add(client: ServerClient, auth: object, done: never): unknown
  _doConnect(socket: ServerSocket, done: never): void
}

/** A socket of `socket.io`, with the methods that everything goes through. */
export interface ServerSocket {
  readonly nsp: ServerNamespace
  readonly client: ServerClient
  readonly handshake: { readonly headers: Handshake['headers']; readonly address?: string }
  emit(name: string, ...values: unknown[]): boolean
  emitReserved(name: string, ...values: unknown[]): boolean
  packet(packet: IoPacket, options: never): void
  onevent(packet: IoPacket): void
  notifyOutgoingListeners(packet: IoPacket): void
}

/** What a client said when it asked for a namespace. */
interface Offer {
  readonly note: IoEvent
}

export function patchServer(
  namespaces: ServerNamespace,
  sockets: ServerSocket,
  negotiates: boolean,
): readonly (() => void)[] {
  const offers = new WeakMap<ServerClient, Map<string, Offer>>()
  const connections = new WeakMap<ServerSocket, RequestContext>()
  const known = new WeakMap<object, () => void>()
  /** What events carry that are kept for those whose connection is down. */
  const kept = new WeakMap<object, Carried>()
  const offerOf = ({ client, nsp }: ServerSocket): Offer | undefined => offers.get(client)?.get(nsp.name)
  const within = <Result>(socket: ServerSocket, work: () => Result): Result => {
    let context = connections.get(socket)
    if (context === undefined) {
      context = contextOfConnection(socket, offerOf(socket))
      connections.set(socket, context)
    }
    return runWithContext(context, work)
  }
  const heard = new WeakMap<IoPacket, IoEvent>()
  /** Lies over the socket itself, because a client that was promised that notes are understood sends them for as long as it is connected. */
  const takeNotesFrom = (socket: ServerSocket): void =>
    void patchMethod(socket, 'onevent', (receive) => {
      return function (this: ServerSocket, packet) {
        const note = takeNote(packet.data)
        if (note !== undefined) heard.set(packet, note)
        return receive.call(this, packet)
      }
    })
  let broadcast: { readonly socket: ServerSocket; readonly packet: IoPacket } | undefined
  const encodings = new WeakMap<IoPacket, unknown>()
  const encodingOf = (socket: ServerSocket, packet: IoPacket): unknown => {
    const encoding =
      encodings.get(packet) ??
      socket.nsp.server.encoder.encode(packetWith(packet, kept.get(packet.data as object)))
    encodings.set(packet, encoding)
    return encoding
  }
  const undos: (() => void)[] = []
  /** Classes that the module does not show are met when the first client comes. */
  const meet = (client: ServerClient, adapter: Adapter): void => {
    const clients = Object.getPrototypeOf(client) as ServerClient
    const undoClients = instrumentOnce(known, clients, () => [
      patchMethod(clients, 'writeToEngine', (write) => {
        return function (this: ServerClient, encoded, options) {
          const sent = broadcast
          broadcast = undefined
          if (sent?.socket.client !== this || offerOf(sent.socket) === undefined)
            return write.call(this, encoded, options)
          const { wsPreEncodedFrame: _frame, ...rest } = options
          return write.call(this, encodingOf(sent.socket, sent.packet), rest)
        }
      }),
    ])
    remember(undoClients)
    meetAdapter(adapter)
  }
  const remember = (undo: () => void): void => void (undos.includes(undo) || undos.push(undo))
  /**
   * A broadcast that begins here has its ids among its flags, which every adapter hands to the other servers, and no client gets. There it
   * arrives at the adapter that all others are made of.
   */
  const meetAdapter = (adapter: Adapter): void => {
    const undoLeaving = instrumentOnce(known, adapter, () =>
      broadcastMethods.map((method) =>
        patchMethod(adapter, method, (send: Adapter['broadcastWithAck']) => {
          return function (this: Adapter, packet: IoPacket, options: BroadcastOptions, ...rest: never[]) {
            if (!Array.isArray(packet.data)) return send.call(this, packet, options, ...rest)
            const carried = carriedNow()
            kept.set(packet.data, carried)
            const [, note] = ioCarrier.inject([''], carried)
            return send.call(
              this,
              packet,
              { ...options, flags: { ...options.flags, ...noteOf(note) } },
              ...rest,
            )
          }
        }),
      ),
    )
    const base = baseOf(adapter)
    const undoArriving = instrumentOnce(known, base, () =>
      broadcastMethods.map((method) =>
        patchMethod(base, method, (send: Adapter['broadcastWithAck']) => {
          return function (this: Adapter, packet: IoPacket, options: BroadcastOptions, ...rest: never[]) {
            const note = { [noteMember]: options.flags?.[noteMember] }
            if (Array.isArray(packet.data) && !kept.has(packet.data) && note[noteMember] !== undefined)
              kept.set(packet.data, ioCarrier.extract(['', note]))
            return send.call(this, packet, options, ...rest)
          }
        }),
      ),
    )
    remember(undoLeaving)
    remember(undoArriving)
  }
  const broadcasts = Object.getPrototypeOf(namespaces.to.call({} as never, '')) as ReturnType<
    ServerNamespace['to']
  >
  undos.push(
    patchMethod(namespaces, '_add', (add) => {
      return function (this: ServerNamespace, client, auth, done) {
        meet(client, this.adapter)
        const offered = offers.get(client) ?? new Map<string, Offer>()
        offers.set(client, offered)
        offered.delete(this.name)
        if (negotiates && Object.hasOwn(noteOf(auth), noteMember)) {
          // Nobody's but ours: what the application looks at is what its client said.
          const { [noteMember]: ids, ...rest } = noteOf(auth)
          if (typeof ids === 'object') offered.set(this.name, { note: ['connect', { [noteMember]: ids }] })
          return add.call(this, client, rest, done)
        }
        return add.call(this, client, auth, done)
      }
    }),
    // Middleware, and the listeners of `connection` even where middleware went on somewhere else.
    patchMethod(namespaces, 'run', (run) => {
      return function (this: ServerNamespace, socket, done) {
        return within(socket, () => run.call(this, socket, done))
      }
    }),
    patchMethod(namespaces, '_doConnect', (connect) => {
      return function (this: ServerNamespace, socket, done) {
        return within(socket, () => connect.call(this, socket, done))
      }
    }),
    patchMethod(broadcasts, 'emit', (emit) => {
      return function (this: typeof broadcasts, name, ...values) {
        // Here nobody may be connected, and elsewhere somebody.
        meetAdapter(this.adapter)
        return emit.call(this, name, ...boundAck(values))
      }
    }),
    patchMethod(sockets, 'emit', (emit) => {
      return function (this: ServerSocket, name, ...values) {
        return emit.call(this, name, ...boundAck(values))
      }
    }),
    patchMethod(sockets, 'emitReserved', (emit) => {
      return function (this: ServerSocket, ...values) {
        return within(this, () => emit.call(this, ...values))
      }
    }),
    patchMethod(sockets, 'packet', (write) => {
      return function (this: ServerSocket, packet, options) {
        if (offerOf(this) === undefined) return write.call(this, packet, options)
        const { type, data } = packet
        if (type !== packetType.connect)
          return write.call(
            this,
            packetWith(packet, Array.isArray(data) ? kept.get(data) : undefined),
            options,
          )
        takeNotesFrom(this)
        const answer = { ...(data as object | undefined), [noteMember]: true }
        return write.call(this, { ...packet, data: answer }, options)
      }
    }),
    patchMethod(sockets, 'onevent', (receive) => {
      return function (this: ServerSocket, packet) {
        const note = heard.get(packet)
        const pass = (): void => receive.call(this, packet)
        if (note === undefined) return within(this, pass)
        return runWithContext({ ...whoOf(connections.get(this)), ...contextOf(ioCarrier, note) }, pass)
      }
    }),
    // An adapter encodes a broadcast once for all, and says so to each socket right before it writes.
    patchMethod(sockets, 'notifyOutgoingListeners', (notify) => {
      return function (this: ServerSocket, packet) {
        notify.call(this, packet)
        broadcast = { socket: this, packet }
      }
    }),
  )
  // As an array that still grows: the undo goes through it when it is called.
  return undos
}

const broadcastMethods = ['broadcast', 'broadcastWithAck'] as const

/** The class at the bottom that says how to broadcast. */
function baseOf(adapter: Adapter): Adapter {
  let base = adapter
  for (let next: unknown = adapter; typeof next === 'object' && next !== null;) {
    if (Object.hasOwn(next, 'broadcast')) base = next as Adapter
    next = Object.getPrototypeOf(next)
  }
  return base
}

function contextOfConnection(socket: ServerSocket, offer: Offer | undefined): RequestContext {
  const { headers, address } = socket.handshake
  const handshake = contextOfHandshake({ headers, socket: { remoteAddress: address } })
  const offered = offer === undefined ? {} : ioCarrier.extract(offer.note)
  const ids =
    offer === undefined || offered.request_id === undefined
      ? handshake
      : { ...whoOf(handshake), ...contextOf(ioCarrier, offer.note) }
  return { ...ids, method: ioCarrier.method }
}
