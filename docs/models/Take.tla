-------------------------------- MODULE Take --------------------------------
(***************************************************************************)
(* A hex takes goods from the inventory, one unit a contribution, for a    *)
(* building site that has room for few; the site may be given up, and then *)
(* what was brought goes back (domains/inventory/src/rules/takes.ts).      *)
(*                                                                         *)
(* Each step of a hex or of the inventory is one commit, so a crash is the *)
(* same message again. mail is a set from which nothing is ever taken:     *)
(* any order, any number of times. What was handled before answers from    *)
(* its record, and that answer is in mail already.                         *)
(***************************************************************************)
EXTENDS Integers, FiniteSets

CONSTANTS
  K,     \* contributions 1..K, each of one unit
  Room,  \* units that the site takes
  Mut    \* planted errors, {} for the protocol as proposed

Ids == 1..K
Has(m) == m \in Mut

VARIABLES
  site,    \* hex: "open", "building", "given-up"
  c,       \* hex: "new", "asked", "counted", "ended"
  back,    \* hex: what it owes: "-", "sent"
  rec,     \* inventory, by contribution: "-", "taken", "refused"
  given,   \* inventory: contributions that were given back, "-", "given", "again"
  pruned,  \* contributions whose record was thrown away
  goods,   \* inventory: what the contributor has
  mail

hexVars == <<site, c, back>>
vars == <<hexVars, rec, given, pruned, goods, mail>>

Init == /\ site = "open" /\ c = [k \in Ids |-> "new"] /\ back = [k \in Ids |-> "-"]
        /\ rec = [k \in Ids |-> "-"] /\ given = [k \in Ids |-> "-"] /\ pruned = {}
        /\ goods = [k \in Ids |-> 1] /\ mail = {}

Msg(type, k)  == [type |-> type, k |-> k]
Send(type, k) == mail' = mail \cup {Msg(type, k)}
Got(type, k)  == Msg(type, k) \in mail
Number(state) == Cardinality({k \in Ids : c[k] = state})
Bound == Number("counted") + (IF Has("room-not-reserved") THEN 0 ELSE Number("asked"))

------------------------------- (* the hex *) -------------------------------
Contribute(k) ==
  /\ c[k] = "new" /\ site = "open" /\ Bound < Room
  /\ c' = [c EXCEPT ![k] = "asked"] /\ Send("Take", k)
  /\ UNCHANGED <<site, back, rec, given, pruned, goods>>

\* What was taken is counted, or owed back when the site is gone.
HandleTaken(k) ==
  /\ Got("Taken", k) /\ c[k] = "asked"
  /\ IF site = "given-up"
     THEN /\ c' = [c EXCEPT ![k] = "ended"]
          /\ back' = IF Has("late-ignored") THEN back ELSE [back EXCEPT ![k] = "sent"]
     ELSE c' = [c EXCEPT ![k] = "counted"] /\ UNCHANGED back
  /\ UNCHANGED <<site, rec, given, pruned, goods, mail>>
HandleRefused(k) ==
  /\ Got("Refused", k) /\ c[k] = "asked" /\ c' = [c EXCEPT ![k] = "ended"]
  /\ UNCHANGED <<site, back, rec, given, pruned, goods, mail>>

\* A durable timer. It asks for an end and ends nothing itself.
Deadline(k) ==
  /\ c[k] = "asked"
  /\ IF Has("deadline-ends-itself")
     THEN c' = [c EXCEPT ![k] = "ended"] /\ UNCHANGED mail
     ELSE ~Got("CancelTake", k) /\ Send("CancelTake", k) /\ UNCHANGED c
  /\ UNCHANGED <<site, back, rec, given, pruned, goods>>

Build == /\ site = "open" /\ Number("counted") >= Room /\ site' = "building"
         /\ UNCHANGED <<c, back, rec, given, pruned, goods, mail>>
GiveUp ==
  /\ site = "open" /\ site' = "given-up"
  /\ back' = [k \in Ids |-> IF c[k] = "counted" THEN "sent" ELSE back[k]]
  /\ c' = [k \in Ids |-> IF c[k] = "counted" THEN "ended" ELSE c[k]]
  /\ UNCHANGED <<rec, given, pruned, goods, mail>>

------------------------------ (* inventory *) ------------------------------
Unknown(k) == rec[k] = "-" /\ (k \notin pruned \/ Has("pruned-is-new"))
Refuse(k) == /\ rec' = IF Has("refusal-not-stored") THEN rec ELSE [rec EXCEPT ![k] = "refused"]
             /\ Send("Refused", k) /\ UNCHANGED goods
HandleTake(k) ==
  /\ Got("Take", k) /\ Unknown(k)
  /\ \/ /\ goods[k] = 1 /\ goods' = [goods EXCEPT ![k] = 0]
        /\ rec' = [rec EXCEPT ![k] = "taken"] /\ Send("Taken", k)
     \/ Refuse(k)
  /\ UNCHANGED <<hexVars, given, pruned>>
HandleCancelTake(k) ==
  /\ Got("CancelTake", k)
  /\ \/ Unknown(k) /\ Refuse(k)
     \/ /\ Has("cancel-gives-back") /\ rec[k] = "taken"
        /\ rec' = [rec EXCEPT ![k] = "refused"] /\ goods' = [goods EXCEPT ![k] = 1] /\ Send("Refused", k)
  /\ UNCHANGED <<hexVars, given, pruned>>
\* Owed: nothing may refuse it.
HandleGive(k) ==
  /\ back[k] = "sent" /\ (given[k] = "-" \/ (Has("given-twice") /\ given[k] = "given"))
  /\ given' = [given EXCEPT ![k] = IF @ = "-" THEN "given" ELSE "again"]
  /\ goods' = [goods EXCEPT ![k] = @ + 1]
  /\ UNCHANGED <<hexVars, rec, pruned, mail>>
Prune(k) ==
  /\ rec[k] # "-" /\ pruned' = pruned \cup {k}
  /\ rec' = IF Has("pruned-is-new") THEN [rec EXCEPT ![k] = "-"] ELSE rec
  /\ UNCHANGED <<hexVars, given, goods, mail>>

---------------------------------------------------------------------------
Next == \/ Build \/ GiveUp
        \/ \E k \in Ids : \/ Contribute(k) \/ HandleTaken(k) \/ HandleRefused(k) \/ Deadline(k)
                          \/ HandleTake(k) \/ HandleCancelTake(k) \/ HandleGive(k) \/ Prune(k)
Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ \A k \in Ids : /\ WF_vars(HandleTake(k)) /\ WF_vars(HandleTaken(k))
                                   /\ WF_vars(HandleRefused(k)) /\ WF_vars(HandleGive(k))

----------------------------- (* properties *) -----------------------------
\* The unit of each contribution is in exactly one place: with its owner, taken and not yet heard of,
\* in the site, or on its way back.
Underway(k) == Got("Taken", k) /\ c[k] = "asked"
One(p) == IF p THEN 1 ELSE 0
Conserved == \A k \in Ids :
  goods[k] + One(Underway(k)) + One(c[k] = "counted") + One(back[k] = "sent" /\ given[k] = "-") = 1
\* Nobody's goods are taken for a site that has no room for them.
NoOverfill == Number("counted") <= Room
OneAnswer  == \A k \in Ids : ~(Got("Taken", k) /\ Got("Refused", k))
AskEnds    == \A k \in Ids : (c[k] = "asked") ~> (c[k] # "asked")
ComesBack  == \A k \in Ids : (back[k] = "sent") ~> (given[k] # "-")
=============================================================================
