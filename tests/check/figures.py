"""The figures of the read models, summed up from the events themselves in the plainest way.

Each function goes through the events up to a position and answers what is to be seen. There are no
indexes, no differences and no shortcuts: an intervention is a record in a dictionary, corrected and
removed where it stands, and a sum is a loop.
"""

import datetime
from collections import defaultdict

INDIRECT = {"preparation", "documentation", "travel", "training_attended"}
FOREVER = "9999-12-31"
NO_PEOPLE = {"women": 0, "men": 0, "non_binary": 0}


def headcount(work):
    """The people reached by a piece of work: `{"crisis": {…}}`, or `"travel"` without particulars."""
    if isinstance(work, str):
        return NO_PEOPLE
    (body,) = work.values()
    return (body or {}).get("headcount") or NO_PEOPLE


def kind(work):
    if isinstance(work, str):
        return work
    (name,) = work.keys()
    return name


class World:
    """What is known at a position. In a whole log every event refers to something that is known; only
    where events are left out on purpose is what refers to them passed over."""

    def __init__(self, events, position, is_whole=True):
        self.schools, self.organisations, self.offices = {}, {}, {}
        self.agreements, self.cooperations = [], {}
        self.assignments, self.vacancies = {}, {}
        self.interventions = {}
        self.needs, self.trainings = {}, {}
        self.cycles, self.periods = {}, {}
        for event in events:
            if event.position > position:
                break
            handler = getattr(self, "on_" + event.type.replace(".", "_").replace("-", "_"), None)
            if handler:
                try:
                    handler(event, event.data)
                except KeyError:
                    if is_whole:
                        raise

    # Schools

    def on_school_registered_v1(self, event, data):
        self.schools[data["school"]] = {
            "district": data["district"], "name": data["name"], "forms": [("0000-00-00", data["form"])],
            "ended": FOREVER, "ownership": data["ownership"],
            "provenance": data.get("provenance", {}).get("status"),
        }

    def _school(self, event):
        return self.schools[event.stream.removeprefix("school/")]

    def on_school_form_changed_v1(self, event, data):
        self._school(event)["forms"].append((event.occurred_on, data["form"]))

    def on_school_merged_v1(self, event, data):
        self._school(event)["ended"] = event.occurred_on

    def on_school_closed_v1(self, event, data):
        self._school(event)["ended"] = event.occurred_on

    def form(self, school, day):
        return [form for since, form in self.schools[school]["forms"] if since <= day][-1]

    # Network offices

    def on_office_established_v1(self, event, data):
        self.offices.setdefault(data["district"], []).append([data["from"], FOREVER])

    def on_office_closed_v1(self, event, data):
        self.offices[data["district"]][-1][1] = data["on"]

    # Cooperations and agreements

    def on_cooperation_proposed_v1(self, event, data):
        self.cooperations[event.stream] = {"school": data["school"], "provider": data["provider"], "ags": event.ags}

    def on_cooperation_agreement_signed_v1(self, event, data):
        self.agreements.append({
            "stream": event.stream, "ags": event.ags, "from": data["period"]["from"], "to": data["period"]["to"],
            "ended_early": False,
        })

    def on_cooperation_agreement_amended_v1(self, event, data):
        for agreement in self.agreements:
            days = {"from": agreement["from"], "to": agreement["to"]}
            if agreement["stream"] == event.stream and days == data["before"]:
                agreement["from"], agreement["to"] = data["period"]["from"], data["period"]["to"]

    def on_cooperation_terminated_v1(self, event, data):
        for agreement in self.agreements:
            if agreement["stream"] == event.stream and data["on"] < agreement["to"]:
                agreement["to"], agreement["ended_early"] = data["on"], True
        # What would have begun later never does.
        self.agreements = [agreement for agreement in self.agreements if agreement["from"] < agreement["to"]]

    # Staff and vacancies

    def on_staff_assigned_v1(self, event, data):
        self.assignments[data["assignment"]] = {
            "ags": event.ags, "provider": event.provider, "staff": data["staff"], "function": data["function"],
            "school": data["workplace"].get("school", {}).get("school"), "from": data["period"]["from"],
            "to": data["period"]["to"], "shares": [(data["period"]["from"], data["fte"])],
        }

    def on_staff_fte_changed_v1(self, event, data):
        shares = self.assignments[data["assignment"]]["shares"]
        shares[:] = [share for share in shares if share[0] < data["from"]] + [(data["from"], data["fte"])]

    def on_staff_assignment_ended_v1(self, event, data):
        assignment = self.assignments[data["assignment"]]
        assignment["to"] = min(assignment["to"], data["on"])

    def on_vacancy_reported_v1(self, event, data):
        self.vacancies[data["vacancy"]] = {
            "ags": event.ags, "provider": event.provider, "function": data["function"],
            "school": data["workplace"].get("school", {}).get("school"), "from": data["from"], "to": FOREVER,
            "fte": data["fte"],
        }

    def on_vacancy_filled_v1(self, event, data):
        self.vacancies[data["vacancy"]]["to"] = data["on"]

    def on_vacancy_withdrawn_v1(self, event, data):
        self.vacancies[data["vacancy"]]["to"] = data["on"]

    @staticmethod
    def share_on(assignment, day):
        if not assignment["from"] <= day < assignment["to"]:
            return 0
        return [fte for since, fte in assignment["shares"] if since <= day][-1]

    # Interventions

    def on_intervention_recorded_v1(self, event, data):
        self.interventions[event.id] = {
            "day": event.occurred_on, "ags": event.ags, "school": event.school, "provider": event.provider,
            "kind": kind(data["work"]), "minutes": data["minutes"], "people": headcount(data["work"]),
        }

    def on_intervention_corrected_v1(self, event, data):
        record = self.interventions[data["intervention"]]
        record["minutes"], record["people"] = data["minutes"], headcount(data["work"])

    def on_intervention_voided_v1(self, event, data):
        del self.interventions[data["intervention"]]

    # Trainings

    def on_training_need_identified_v1(self, event, data):
        self.needs[data["need"]] = dict(data, identified=event.occurred_on, withdrawn=FOREVER)

    def on_training_need_withdrawn_v1(self, event, data):
        self.needs[data["need"]]["withdrawn"] = event.occurred_on

    def on_training_offered_v1(self, event, data):
        self.trainings[data["training"]] = dict(data, status="offered", registered=0, day=data["begins_on"])

    def on_training_rescheduled_v1(self, event, data):
        training = self.trainings[data["training"]]
        training["begins_on"] = training["day"] = data["begins_on"]

    def on_training_registrations_recorded_v1(self, event, data):
        people = sum(registration["people"] for registration in data["registrations"])
        self.trainings[data["training"]]["registered"] = people

    def on_training_held_v1(self, event, data):
        training = self.trainings[data["training"]]
        training["status"], training["day"] = "held", event.occurred_on

    def on_training_attendance_confirmed_v1(self, event, data):
        training = self.trainings[data["training"]]
        training["attendance"], training["minutes"] = data["attendance"], data["minutes"]

    def on_training_evaluated_v1(self, event, data):
        training = self.trainings[data["training"]]
        training["responses"], training["score"] = data["responses"], data["score"]

    def on_training_cancelled_v1(self, event, data):
        self.trainings[data["training"]]["status"] = "cancelled"


def overview(world, on, during):
    """M01: figures by district, without those of which there is nothing."""
    begin, end = during
    districts = defaultdict(lambda: defaultdict(int))
    for school in world.schools.values():
        districts[school["district"]]["schools_known"] += 1
        districts[school["district"]]["schools_open"] += on < school["ended"]
    served = defaultdict(set)
    for assignment in world.assignments.values():
        share = world.share_on(assignment, on)
        if not share:
            continue
        districts[assignment["ags"]]["positions_filled_fte"] += share
        districts[assignment["ags"]]["positions_planned_fte"] += share
        if assignment["function"] == "school_social_worker":
            served[assignment["ags"]].add(assignment["school"])
    for ags, schools in served.items():
        districts[ags]["schools_with_social_work"] = len(schools)
    for vacancy in world.vacancies.values():
        if vacancy["from"] <= on < vacancy["to"]:
            districts[vacancy["ags"]]["positions_planned_fte"] += vacancy["fte"]
    for ags, times in world.offices.items():
        districts[ags]["offices_active"] = sum(since <= on < to for since, to in times)
    for agreement in world.agreements:
        districts[agreement["ags"]]["agreements_active"] += agreement["from"] <= on < agreement["to"]
    for training in world.trainings.values():
        held = training["status"] == "held" and begin <= training["day"] < end
        districts[training["district"]]["trainings_held"] += held
    for record in world.interventions.values():
        if not begin <= record["day"] < end:
            continue
        if record["kind"] in INDIRECT:
            districts[record["ags"]]["indirect_minutes"] += record["minutes"]
        else:
            districts[record["ags"]]["activities"] += 1
            districts[record["ags"]]["activity_minutes"] += record["minutes"]
    return districts


def activities(world, during, group=None):
    """M04: count, minutes and people by group and kind."""
    begin, end = during
    last_day = previous_day(end)
    sums = defaultdict(lambda: {"count": 0, "minutes": 0, "women": 0, "men": 0, "non_binary": 0})
    for record in world.interventions.values():
        if not begin <= record["day"] < end:
            continue
        name = {
            None: lambda: "",
            "district": lambda: record["ags"],
            "school": lambda: record["school"],
            "provider": lambda: record["provider"] or "",
            "month": lambda: record["day"][:7],
            "form": lambda: world.form(record["school"], last_day),
        }[group]()
        row = sums[name, record["kind"]]
        row["count"] += 1
        row["minutes"] += record["minutes"]
        for gender in NO_PEOPLE:
            row[gender] += record["people"][gender]
    return dict(sums)


def coverage(world, on):
    """M02: every school that exists on the day, with the providers that cooperate with it."""
    schools = {}
    for identifier, school in world.schools.items():
        if on >= school["ended"]:
            continue
        schools[identifier] = {
            "school": identifier, "name": school["name"], "form": world.form(identifier, on),
            "district": school["district"], "ownership": school["ownership"], "provenance": school["provenance"],
            "social_work": False, "fte": 0, "providers": {},
        }
    for stream, cooperation in world.cooperations.items():
        if cooperation["school"] in schools:
            provider = provider_at(schools[cooperation["school"]], cooperation["provider"])
            provider.update(standing([a for a in world.agreements if a["stream"] == stream], on))
    for assignment in world.assignments.values():
        school = schools.get(assignment["school"])
        if school is None:
            continue
        share = world.share_on(assignment, on)
        provider = provider_at(school, assignment["provider"])
        provider["fte"] += share
        school["fte"] += share
        school["social_work"] = school["fte"] > 0
        if assignment["from"] <= on:
            provider["since"] = min(provider["since"] or FOREVER, assignment["from"])
    for vacancy in world.vacancies.values():
        school = schools.get(vacancy["school"])
        if school is not None and vacancy["from"] <= on < vacancy["to"]:
            provider_at(school, vacancy["provider"])["vacant_fte"] += vacancy["fte"]
    return schools


def provider_at(school, provider):
    nothing = {
        "provider": provider, "agreement": "proposed", "agreement_from": None, "agreement_to": None, "fte": 0,
        "vacant_fte": 0, "since": None,
    }
    return school["providers"].setdefault(provider, nothing)


def standing(agreements, on):
    """The agreement in force on the day, else the next to come, else the last that was."""
    in_force = [agreement for agreement in agreements if agreement["from"] <= on < agreement["to"]]
    to_come = sorted((a for a in agreements if on < a["from"]), key=lambda a: a["from"])
    past = sorted((a for a in agreements if a["to"] <= on), key=lambda a: a["from"])
    if in_force:
        agreement, status = in_force[0], "in_force"
    elif to_come:
        agreement, status = to_come[0], "upcoming"
    elif past:
        agreement = past[-1]
        status = "ended_early" if agreement["ended_early"] else "expired"
    else:
        return {}
    return {"agreement": status, "agreement_from": agreement["from"], "agreement_to": agreement["to"]}


def coverage_counts(schools):
    """M02: schools by district and form."""
    counts = defaultdict(lambda: {"schools": 0, "with_social_work": 0, "fte": 0})
    for school in schools.values():
        count = counts[school["district"], school["form"]]
        count["schools"] += 1
        count["with_social_work"] += school["social_work"]
        count["fte"] += school["fte"]
    return dict(counts)


def staffing(world, on):
    """M03: the positions of the day, by key."""
    posts = {}
    for key, assignment in world.assignments.items():
        share = world.share_on(assignment, on)
        if share:
            posts[key] = {
                "key": key, "staff": assignment["staff"], "function": assignment["function"],
                "district": assignment["ags"], "school": assignment["school"], "provider": assignment["provider"],
                "fte": share, "from": assignment["from"], "to": assignment["to"],
                "days_left": days_between(on, assignment["to"]), "days_vacant": None,
            }
    for key, vacancy in world.vacancies.items():
        if vacancy["from"] <= on < vacancy["to"]:
            posts[key] = {
                "key": key, "staff": None, "function": vacancy["function"], "district": vacancy["ags"],
                "school": vacancy["school"], "provider": vacancy["provider"], "fte": vacancy["fte"],
                "from": vacancy["from"], "to": None, "days_left": None,
                "days_vacant": days_between(vacancy["from"], on),
            }
    return posts


def staffing_totals(posts):
    """M03: positions by district."""
    nothing = {"assignments": 0, "vacancies": 0, "planned_fte": 0, "filled_fte": 0, "days_vacant": 0}
    totals = defaultdict(lambda: dict(nothing))
    for post in posts.values():
        total = totals[post["district"]]
        total["planned_fte"] += post["fte"]
        if post["staff"] is None:
            total["vacancies"] += 1
            total["days_vacant"] += post["days_vacant"]
        else:
            total["assignments"] += 1
            total["filled_fte"] += post["fte"]
    return dict(totals)


def trainings(world, during=None):
    """M14: the trainings whose day lies in the period, by key."""
    chosen = {}
    for key, training in world.trainings.items():
        if during is not None and not during[0] <= training["day"] < during[1]:
            continue
        attendance = training.get("attendance", {})
        chosen[key] = {
            "training": key, "topic": training["topic"], "district": training["district"],
            "format": training["format"], "status": training["status"], "day": training["day"],
            "minutes": training["minutes"], "seats": training["seats"], "registered": training["registered"],
            "women": attendance.get("women"), "men": attendance.get("men"),
            "non_binary": attendance.get("non_binary"), "responses": training.get("responses"),
            "score": training.get("score"),
            "needs": sorted(
                (
                    {"need": need, **{name: world.needs[need][name] for name in ("topic", "source", "district")}}
                    for need in training["needs"]
                ),
                key=lambda need: need["need"],
            ),
        }
    return chosen


def trainings_total(world, chosen, during=None):
    """M14: all trainings of the period together, and the needs that none answers."""
    total = {"trainings": 0, "held": 0, "cancelled": 0, "seats": 0, "registered": 0, "attended": 0}
    for training in chosen.values():
        total["trainings"] += 1
        total["held"] += training["status"] == "held"
        if training["status"] == "cancelled":
            total["cancelled"] += 1
        else:
            total["seats"] += training["seats"]
            total["registered"] += training["registered"]
        total["attended"] += sum(training[gender] or 0 for gender in NO_PEOPLE)
    last_day = previous_day(during[1]) if during else None
    answered = {
        need
        for training in world.trainings.values()
        if training["status"] != "cancelled"
        for need in training["needs"]
    }
    total["open_needs"] = 0
    for key, need in world.needs.items():
        if last_day is None:
            standing_then = need["withdrawn"] == FOREVER
        else:
            standing_then = need["identified"] <= last_day < need["withdrawn"]
        total["open_needs"] += standing_then and key not in answered
    return total


def previous_day(day):
    return str(datetime.date.fromisoformat(day) - datetime.timedelta(days=1))


def days_between(first, last):
    return (datetime.date.fromisoformat(last) - datetime.date.fromisoformat(first)).days
