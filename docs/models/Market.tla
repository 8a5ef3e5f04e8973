------------------------------- MODULE Market -------------------------------
(***************************************************************************)
(* A limit order between market and inventory: escrow before it is live,   *)
(* matching, settlement, cancel (domains/inventory/src/rules/escrow.ts).   *)
(*                                                                         *)
(* Each step of a service is one transaction: a crash is just the same     *)
(* message again. Messages are outbox rows: never lost, in any order, any  *)
(* number of times. mail is a set from which nothing is ever taken.        *)
(* A step that was handled before answers from its record: that answer is  *)
(* in mail already, so a repetition is no step here.                       *)
(***************************************************************************)
EXTENDS Integers, FiniteSets

CONSTANTS
  N,          \* orders 1..N of Book, each of an account of its own
  Events,     \* which of "deadline", "prune" may happen (all by default; none = fewer states for more orders)
  MaxForks,   \* how often a second instance of the market may have the book in memory
  Mut         \* planted errors, {} for the protocol as proposed

Orders == 1..N
Book == << [side |-> "buy",  limit |-> 2, qty |-> 2],
           [side |-> "sell", limit |-> 1, qty |-> 1],
           [side |-> "sell", limit |-> 2, qty |-> 2],
           [side |-> "buy",  limit |-> 1, qty |-> 1] >>
IsBuy(o) == Book[o].side = "buy"
Qty(o)   == Book[o].qty
Limit(o) == Book[o].limit
\* What must be in escrow for q units of an order: coin at the order's own limit, or goods.
Need(o, q) == IF IsBuy(o) THEN Limit(o) * q ELSE q
Has(m) == m \in Mut
Min(a, b) == IF a < b THEN a ELSE b

VARIABLES
  \* market, in PostgreSQL
  st,      \* "new", "reserving", "open", "done"
  want,    \* the player cancelled while escrow was asked for
  open,    \* units in the book
  ended,   \* units that left the book unfilled
  trades,  \* matched: [n, buy, sell, q, p]
  rel,     \* release of what is left: "-", "sent", "applied"
  relAmt,
  \* inventory, in PostgreSQL
  hold,    \* "-", "held", "refused"
  rem,     \* what is left of a hold
  coin, good,  \* what the order's account has free
  settled, \* trades whose ledger transaction is posted
  pruned,  \* orders whose hold record was thrown away
  \* everything sent
  mail,
  \* another instance of the market: what it has in memory, and whether the book has changed since
  fork, forks,
  undone   \* planted only: trades that the market took back

marketVars == <<st, want, open, ended, trades, rel, relAmt>>
stockVars  == <<hold, rem, coin, good, settled, pruned>>
forkVars   == <<fork, forks>>
vars == <<marketVars, stockVars, mail, forkVars, undone>>

NoFork == [there |-> FALSE]
Init ==
  /\ st = [o \in Orders |-> "new"] /\ want = [o \in Orders |-> FALSE]
  /\ open = [o \in Orders |-> 0] /\ ended = [o \in Orders |-> 0]
  /\ trades = {} /\ rel = [o \in Orders |-> "-"] /\ relAmt = [o \in Orders |-> 0]
  /\ hold = [o \in Orders |-> "-"] /\ rem = [o \in Orders |-> 0]
  /\ coin = [o \in Orders |-> IF IsBuy(o) THEN Need(o, Qty(o)) ELSE 0]
  /\ good = [o \in Orders |-> IF IsBuy(o) THEN 0 ELSE Qty(o)]
  /\ settled = {} /\ pruned = {} /\ mail = {}
  /\ fork = NoFork /\ forks = 0 /\ undone = {}

Msg(type, o)  == [type |-> type, o |-> o]
Send(type, o) == mail' = mail \cup {Msg(type, o)}
Got(type, o)  == Msg(type, o) \in mail
\* The book's version went up: memory of another instance is out of date.
Touched == fork' = IF fork.there THEN [fork EXCEPT !.stale = TRUE] ELSE fork

------------------------------- (* market *) -------------------------------
Place(o) ==
  /\ st[o] = "new"
  /\ IF Has("live-before-granted")
     THEN st' = [st EXCEPT ![o] = "open"] /\ open' = [open EXCEPT ![o] = Qty(o)] /\ Touched
     ELSE st' = [st EXCEPT ![o] = "reserving"] /\ UNCHANGED <<open, fork>>
  /\ Send("Hold", o)
  /\ UNCHANGED <<want, ended, trades, rel, relAmt, stockVars, forks, undone>>

\* Out of the book, with the exact amount that no trade has taken: release and settlements commute.
EndWith(o, left) ==
  /\ st' = [st EXCEPT ![o] = "done"]
  /\ open' = [open EXCEPT ![o] = 0]
  /\ ended' = [ended EXCEPT ![o] = left]
  /\ rel' = [rel EXCEPT ![o] = IF left = 0 THEN @ ELSE "sent"]
  /\ relAmt' = [relAmt EXCEPT ![o] = Need(o, left)]

HandleGranted(o) ==
  /\ Got("Granted", o) /\ st[o] = "reserving"
  /\ IF want[o] /\ ~Has("cancel-forgotten")
     THEN EndWith(o, Qty(o))
     ELSE /\ st' = [st EXCEPT ![o] = "open"] /\ open' = [open EXCEPT ![o] = Qty(o)]
          /\ UNCHANGED <<ended, rel, relAmt>>
  /\ Touched /\ UNCHANGED <<want, trades, stockVars, mail, forks, undone>>

HandleRefused(o) ==
  /\ Got("Refused", o) /\ st[o] = "reserving"
  /\ st' = [st EXCEPT ![o] = "done"] /\ ended' = [ended EXCEPT ![o] = Qty(o)]
  /\ UNCHANGED <<want, open, trades, rel, relAmt, stockVars, mail, forkVars, undone>>

\* The player cancels. While escrow is asked for, the market only asks for an end.
Cancel(o) ==
  \/ /\ st[o] = "reserving" /\ ~want[o]
     /\ want' = [want EXCEPT ![o] = TRUE] /\ Send("CancelHold", o)
     /\ UNCHANGED <<st, open, ended, trades, rel, relAmt, stockVars, forkVars, undone>>
  \/ /\ st[o] = "open" /\ EndWith(o, open[o]) /\ Touched
     /\ UNCHANGED <<want, trades, stockVars, mail, forks, undone>>

\* No answer in time.
Deadline(o) ==
  /\ "deadline" \in Events /\ st[o] = "reserving"
  /\ IF Has("deadline-ends-itself")
     THEN /\ st' = [st EXCEPT ![o] = "done"] /\ ended' = [ended EXCEPT ![o] = Qty(o)] /\ UNCHANGED mail
     ELSE /\ ~Got("CancelHold", o) /\ Send("CancelHold", o) /\ UNCHANGED <<st, ended>>
  /\ UNCHANGED <<want, open, trades, rel, relAmt, stockVars, forkVars, undone>>

\* Which orders meet is for the property test of the matcher; here any two that cross.
Crosses(b, s) == IsBuy(b) /\ ~IsBuy(s) /\ Limit(b) >= Limit(s)
Trade(b, s, q) == [n |-> Cardinality(trades) + 1, buy |-> b, sell |-> s, q |-> q, p |-> Limit(s)]
Fill(b, s, openB, openS) ==
  LET q == Min(openB, openS) IN
  /\ q > 0 /\ trades' = trades \cup {Trade(b, s, q)}
  /\ open' = [open EXCEPT ![b] = openB - q, ![s] = openS - q]
  /\ st' = [st EXCEPT ![b] = IF openB = q THEN "done" ELSE "open",
                      ![s] = IF openS = q THEN "done" ELSE "open"]
  /\ UNCHANGED <<want, ended, rel, relAmt, stockVars, mail, forks, undone>>
Match(b, s) ==
  /\ Crosses(b, s) /\ st[b] = "open" /\ st[s] = "open"
  /\ Fill(b, s, open[b], open[s]) /\ Touched

\* Another instance loads the book: single-active-consumer is no lock. Its commit holds the book's row and
\* compares the version that it loaded.
Fork ==
  /\ forks < MaxForks /\ forks' = forks + 1
  /\ fork' = [there |-> TRUE, stale |-> FALSE, st |-> st, open |-> open]
  /\ UNCHANGED <<marketVars, stockVars, mail, undone>>
Passes == fork.there /\ (~fork.stale \/ Has("no-version-check"))
ForkMatches(b, s) ==
  /\ Crosses(b, s) /\ Passes /\ fork.st[b] = "open" /\ fork.st[s] = "open"
  /\ Fill(b, s, fork.open[b], fork.open[s])
  /\ fork' = NoFork
ForkCancels(o) ==
  /\ Passes /\ fork.st[o] = "open" /\ EndWith(o, fork.open[o]) /\ fork' = NoFork
  /\ UNCHANGED <<want, trades, stockVars, mail, forks, undone>>

\* Planted: a settlement that was dead-lettered counts as refused; the market puts the units back.
TakeBack(t) ==
  /\ Has("settlement-refusable") /\ t.n \notin settled /\ Cardinality(undone) = 0
  /\ trades' = trades \ {t} /\ undone' = undone \cup {t}
  /\ open' = [open EXCEPT ![t.buy] = @ + t.q, ![t.sell] = @ + t.q]
  /\ st' = [st EXCEPT ![t.buy] = "open", ![t.sell] = "open"]
  /\ Touched /\ UNCHANGED <<want, ended, rel, relAmt, stockVars, mail, forks>>

------------------------------ (* inventory *) ------------------------------
Full(o) == Need(o, Qty(o))
Free(o, amount) == IF IsBuy(o) THEN /\ coin' = [coin EXCEPT ![o] = @ + amount] /\ UNCHANGED good
                               ELSE /\ good' = [good EXCEPT ![o] = @ + amount] /\ UNCHANGED coin
Refuse(o) ==
  /\ hold' = IF Has("refusal-not-stored") THEN hold ELSE [hold EXCEPT ![o] = "refused"]
  /\ Send("Refused", o) /\ UNCHANGED <<rem, coin, good>>
Grant(o) ==
  /\ hold' = [hold EXCEPT ![o] = "held"] /\ rem' = [rem EXCEPT ![o] = Full(o)]
  /\ Free(o, -Full(o)) /\ Send("Granted", o)
Unknown(o) == hold[o] = "-" /\ (o \notin pruned \/ Has("pruned-is-new"))

\* The rules may refuse; a dead letter of a hold is a refusal, stored with the letter.
HandleHold(o) ==
  /\ Got("Hold", o) /\ Unknown(o)
  /\ \/ (IF IsBuy(o) THEN coin[o] ELSE good[o]) >= Full(o) /\ Grant(o)
     \/ Refuse(o)
  /\ UNCHANGED <<marketVars, settled, pruned, forkVars, undone>>

\* Answered from the record, or a refusal is recorded, which a late Hold finds.
HandleCancelHold(o) ==
  /\ Got("CancelHold", o)
  /\ \/ Unknown(o) /\ Refuse(o)
     \/ /\ Has("cancel-releases") /\ hold[o] = "held" /\ rem[o] = Full(o)
        /\ hold' = [hold EXCEPT ![o] = "refused"] /\ rem' = [rem EXCEPT ![o] = 0]
        /\ Free(o, Full(o)) /\ Send("Refused", o)
  /\ UNCHANGED <<marketVars, settled, pruned, forkVars, undone>>

\* One ledger transaction under the trade's id. It is owed: nothing may refuse it.
Settle(t) ==
  /\ t.n \notin settled \/ (Has("settlement-twice") /\ Cardinality(settled) < 3)
  /\ settled' = settled \cup {t.n} \cup (IF t.n \in settled THEN {100 + t.n} ELSE {})
  /\ rem' = [rem EXCEPT ![t.buy] = @ - Need(t.buy, t.q), ![t.sell] = @ - t.q]
  /\ coin' = [coin EXCEPT ![t.sell] = @ + t.p * t.q, ![t.buy] = @ + (Limit(t.buy) - t.p) * t.q]
  /\ good' = [good EXCEPT ![t.buy] = @ + t.q]
  /\ UNCHANGED <<marketVars, hold, pruned, mail, forkVars, undone>>

HandleRelease(o) ==
  /\ rel[o] = "sent" \/ (Has("release-twice") /\ rel[o] = "applied")
  /\ LET amount == IF Has("release-all") THEN rem[o] ELSE relAmt[o] IN
       rem' = [rem EXCEPT ![o] = @ - amount] /\ Free(o, amount)
  /\ rel' = [rel EXCEPT ![o] = IF @ = "sent" THEN "applied" ELSE "again"]
  /\ UNCHANGED <<st, want, open, ended, trades, relAmt, hold, settled, pruned, mail, forkVars, undone>>

\* Records are thrown away by age, whatever the market knows.
Prune(o) ==
  /\ "prune" \in Events
  /\ hold[o] = "refused" \/ (hold[o] = "held" /\ rem[o] = 0)
  /\ pruned' = pruned \cup {o} /\ hold' = [hold EXCEPT ![o] = "-"]
  /\ UNCHANGED <<marketVars, rem, coin, good, settled, mail, forkVars, undone>>

---------------------------------------------------------------------------
Sent == trades \cup undone
SettleN(n) == \E t \in Sent : t.n = n /\ Settle(t)
Next ==
  \/ \E o \in Orders : \/ Place(o) \/ HandleGranted(o) \/ HandleRefused(o) \/ Cancel(o) \/ Deadline(o)
                       \/ HandleHold(o) \/ HandleCancelHold(o) \/ HandleRelease(o) \/ Prune(o) \/ ForkCancels(o)
  \/ \E b, s \in Orders : Match(b, s) \/ ForkMatches(b, s)
  \/ \E t \in Sent : Settle(t)
  \/ \E t \in trades : TakeBack(t)
  \/ Fork
Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ \A o \in Orders : /\ WF_vars(HandleHold(o)) /\ WF_vars(HandleGranted(o))
                                      /\ WF_vars(HandleRefused(o)) /\ WF_vars(HandleRelease(o))
                 /\ \A n \in 1..4 : WF_vars(SettleN(n))

----------------------------- (* properties *) -----------------------------
RECURSIVE Total(_, _)
Total(S, f) == IF S = {} THEN 0 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + Total(S \ {x}, f)
Sum(S, f(_)) == Total(S, [x \in S |-> f(x)])
Buys == {o \in Orders : IsBuy(o)}
Sells == Orders \ Buys
\* Nothing is made, nothing is lost.
Conserved ==
  /\ Sum(Orders, LAMBDA o : coin[o]) + Sum(Buys, LAMBDA o : rem[o]) = Sum(Buys, Full)
  /\ Sum(Orders, LAMBDA o : good[o]) + Sum(Sells, LAMBDA o : rem[o]) = Sum(Sells, Full)
\* Every step that was sent can be applied whenever it comes.
NoOverdraft == \A o \in Orders : rem[o] >= 0 /\ coin[o] >= 0 /\ good[o] >= 0
\* An order in the book is backed.
Backed == \A o \in Orders : st[o] = "open" => hold[o] = "held"
\* A hold has one answer.
OneAnswer == \A o \in Orders : ~(Got("Granted", o) /\ Got("Refused", o))
Of(o) == {t \in trades : t.buy = o \/ t.sell = o}
\* Every unit of an order is filled once, open, or ended.
Filled == \A o \in Orders : st[o] \in {"open", "done"} =>
            Sum(Of(o), LAMBDA t : t.q) + open[o] + ended[o] = Qty(o)
\* Escrow is to the unit what the market still owes from it.
Accounted == \A o \in Orders : hold[o] = "held" =>
  rem[o] = IF st[o] \in {"new", "reserving"} THEN Full(o)
           ELSE Need(o, open[o]) + Sum({t \in Of(o) : t.n \notin settled}, LAMBDA t : Need(o, t.q))
                + (IF rel[o] = "sent" THEN relAmt[o] ELSE 0)
\* A cancel that was taken while escrow was asked for is kept.
CancelKept == \A o \in Orders : want[o] => st[o] \in {"reserving", "done"} /\ Of(o) = {}
\* No order waits for ever for its escrow, and what is left comes back.
EscrowEnds == \A o \in Orders : (st[o] = "reserving") ~> (st[o] # "reserving")
PaidOut    == \A o \in Orders : (st[o] = "done") ~> (rem[o] = 0)
=============================================================================
