// SPDX-License-Identifier: Apache-2.0
import express from 'express'
import fasten from 'fasten'
import { expressShim } from 'fasten/http/express'
import { expressReader } from 'fasten/reader/express'

// All three streams in one file. FASTEN_AUDIT_DSN, FASTEN_API_DSN and FASTEN_SYS_DSN would say the same from outside.
const rows = 'sqlite:///./fasten.db'
fasten.init({ service_id: 'quickstart', audit_dsn: rows, api_dsn: rows, sys_dsn: rows })
fasten.register('user', {
  USER_CREATED: { action: 'user.create', category: 'user', retention_class: 'long', pii: ['detail.email'] },
})

const app = express()
app.use(expressShim()) // a request id, a context, and one api row for each request
app.use('/logs', expressReader(fasten, { token: process.env['FASTEN_READER_TOKEN'] }))

app.post('/users', express.json(), (req, res) => {
  const { name, email } = req.body
  fasten.emit({
    code: 'USER_CREATED',
    target: name,
    actor: 'signup-form',
    detail: { email, password: req.body.password },
  })
  fasten.log.info('user_created', { name })
  res.status(201).json({ name })
})

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})
process.once('SIGTERM', () => server.close())
