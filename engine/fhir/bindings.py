"""The codes that R4 elements with a required binding allow (FHIR 4.0.1, value sets).

For the resources that HL7 v2 messages become, and the datatypes. An element that is not named here
has no required binding or takes any code of a large system (languages, MIME types, currencies).
"""

from __future__ import annotations

#: concepts that may hold a language tag and no other code (maximum binding: BCP 47)
LANGUAGES = frozenset(
    (
        "HealthcareService.communication",
        "PatientCommunication.language",
        "PersonCommunication.language",
        "Practitioner.communication",
        "RelatedPersonCommunication.language",
    )
)

#: (elements, codes)
REQUIRED = (
    (
        "Account.status",
        "active inactive entered-in-error on-hold unknown",
    ),
    (
        "Address.type",
        "postal physical both",
    ),
    (
        "Address.use",
        "home work temp old billing",
    ),
    (
        "AllergyIntolerance.category",
        "food medication environment biologic",
    ),
    (
        "AllergyIntolerance.clinicalStatus",
        "active inactive resolved",
    ),
    (
        "AllergyIntolerance.criticality",
        "low high unable-to-assess",
    ),
    (
        "AllergyIntolerance.type",
        "allergy intolerance",
    ),
    (
        "AllergyIntolerance.verificationStatus",
        "unconfirmed confirmed refuted entered-in-error",
    ),
    (
        "AllergyIntoleranceReaction.severity",
        "mild moderate severe",
    ),
    (
        "Appointment.status",
        "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in "
        "waitlist",
    ),
    (
        "AppointmentParticipant.required",
        "required optional information-only",
    ),
    (
        "AppointmentParticipant.status AppointmentResponse.participantStatus",
        "accepted declined tentative needs-action",
    ),
    (
        "Bundle.type",
        "document message transaction transaction-response batch batch-response history searchset "
        "collection",
    ),
    (
        "BundleEntryRequest.method",
        "GET HEAD POST PUT DELETE PATCH",
    ),
    (
        "BundleEntrySearch.mode",
        "match include outcome",
    ),
    (
        "CarePlan.intent",
        "proposal plan order option",
    ),
    (
        "CarePlan.status CommunicationRequest.status NutritionOrder.status ServiceRequest.status",
        "draft active on-hold revoked completed entered-in-error unknown",
    ),
    (
        "CarePlanActivityDetail.kind",
        "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder Task "
        "ServiceRequest VisionPrescription",
    ),
    (
        "CarePlanActivityDetail.status",
        "not-started scheduled in-progress on-hold completed cancelled stopped unknown "
        "entered-in-error",
    ),
    (
        "CareTeam.status",
        "proposed active suspended inactive entered-in-error",
    ),
    (
        "ChargeItem.status",
        "planned billable not-billable aborted billed entered-in-error unknown",
    ),
    (
        "Claim.status ClaimResponse.status Coverage.status",
        "active cancelled draft entered-in-error",
    ),
    (
        "Claim.use ClaimResponse.use",
        "claim preauthorization predetermination",
    ),
    (
        "ClaimResponse.outcome",
        "queued complete error partial",
    ),
    (
        "ClaimResponseProcessNote.type",
        "display print printoper",
    ),
    (
        "Communication.priority CommunicationRequest.priority MedicationRequest.priority "
        "ServiceRequest.priority SupplyRequest.priority Task.priority",
        "routine urgent asap stat",
    ),
    (
        "Communication.status Media.status Procedure.status",
        "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
    ),
    (
        "Composition.confidentiality",
        "U L M N R V",
    ),
    (
        "Composition.status DocumentReference.docStatus",
        "preliminary final amended entered-in-error",
    ),
    (
        "CompositionAttester.mode",
        "personal professional legal official",
    ),
    (
        "CompositionRelatesTo.code DocumentReferenceRelatesTo.code",
        "replaces transforms signs appends",
    ),
    (
        "CompositionSection.mode List.mode",
        "working snapshot changes",
    ),
    (
        "Condition.clinicalStatus",
        "active recurrence relapse inactive remission resolved",
    ),
    (
        "Condition.verificationStatus",
        "unconfirmed provisional differential confirmed refuted entered-in-error",
    ),
    (
        "Consent.status",
        "draft proposed active rejected inactive entered-in-error",
    ),
    (
        "ConsentProvision.type",
        "deny permit",
    ),
    (
        "ConsentProvisionData.meaning",
        "instance related dependents authoredby",
    ),
    (
        "ContactPoint.system",
        "phone fax email pager url sms other",
    ),
    (
        "ContactPoint.use",
        "home work temp old mobile",
    ),
    (
        "DetectedIssue.severity",
        "high moderate low",
    ),
    (
        "DetectedIssue.status Observation.status RiskAssessment.status",
        "registered preliminary final amended corrected cancelled entered-in-error unknown",
    ),
    (
        "Device.status",
        "active inactive entered-in-error unknown",
    ),
    (
        "DeviceDeviceName.type",
        "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name "
        "other",
    ),
    (
        "DeviceUdiCarrier.entryType",
        "barcode rfid manual card self-reported unknown",
    ),
    (
        "DiagnosticReport.status",
        "registered partial preliminary final amended corrected appended cancelled "
        "entered-in-error unknown",
    ),
    (
        "DocumentReference.status",
        "current superseded entered-in-error",
    ),
    (
        "Encounter.status EncounterStatusHistory.status",
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    ),
    (
        "EncounterLocation.status",
        "planned active reserved completed",
    ),
    (
        "Endpoint.status",
        "active suspended error off entered-in-error test",
    ),
    (
        "EpisodeOfCare.status EpisodeOfCareStatusHistory.status",
        "planned waitlist active onhold finished cancelled entered-in-error",
    ),
    (
        "FamilyMemberHistory.status",
        "partial completed entered-in-error health-unknown",
    ),
    (
        "Flag.status Medication.status Substance.status",
        "active inactive entered-in-error",
    ),
    (
        "Goal.lifecycleStatus",
        "proposed planned accepted active on-hold completed cancelled entered-in-error rejected",
    ),
    (
        "Group.type",
        "person animal practitioner device medication substance",
    ),
    (
        "HealthcareServiceAvailableTime.daysOfWeek LocationHoursOfOperation.daysOfWeek "
        "PractitionerRoleAvailableTime.daysOfWeek TimingRepeat.dayOfWeek",
        "mon tue wed thu fri sat sun",
    ),
    (
        "HumanName.use",
        "usual official temp nickname anonymous old maiden",
    ),
    (
        "Identifier.use",
        "usual official temp secondary old",
    ),
    (
        "ImagingStudy.status",
        "registered available cancelled entered-in-error unknown",
    ),
    (
        "Immunization.status",
        "completed entered-in-error not-done",
    ),
    (
        "Invoice.status",
        "draft issued balanced cancelled entered-in-error",
    ),
    (
        "InvoiceLineItemPriceComponent.type",
        "base surcharge deduction discount tax informational",
    ),
    (
        "LinkageItem.type",
        "source alternate historical",
    ),
    (
        "List.status",
        "current retired entered-in-error",
    ),
    (
        "Location.mode",
        "instance kind",
    ),
    (
        "Location.status",
        "active suspended inactive",
    ),
    (
        "MedicationAdministration.status",
        "in-progress not-done on-hold completed entered-in-error stopped unknown",
    ),
    (
        "MedicationDispense.status",
        "preparation in-progress cancelled on-hold completed entered-in-error stopped declined "
        "unknown",
    ),
    (
        "MedicationRequest.intent",
        "proposal plan order original-order reflex-order filler-order instance-order option",
    ),
    (
        "MedicationRequest.status",
        "active on-hold cancelled completed entered-in-error stopped draft unknown",
    ),
    (
        "MedicationStatement.status",
        "active completed entered-in-error intended stopped on-hold unknown not-taken",
    ),
    (
        "MessageHeaderResponse.code",
        "ok transient-error fatal-error",
    ),
    (
        "Narrative.status",
        "generated extensions additional empty",
    ),
    (
        "NutritionOrder.intent ServiceRequest.intent",
        "proposal plan directive order original-order reflex-order filler-order instance-order "
        "option",
    ),
    (
        "OperationOutcomeIssue.code",
        "invalid structure required value invariant security login unknown expired forbidden "
        "suppressed processing not-supported duplicate multiple-matches not-found deleted "
        "too-long code-invalid extension too-costly business-rule conflict transient lock-error "
        "no-store exception timeout incomplete throttled informational",
    ),
    (
        "OperationOutcomeIssue.severity",
        "fatal error warning information",
    ),
    (
        "Patient.gender PatientContact.gender Person.gender Practitioner.gender "
        "RelatedPerson.gender",
        "male female other unknown",
    ),
    (
        "PatientLink.type",
        "replaced-by replaces refer seealso",
    ),
    (
        "PersonLink.assurance",
        "level1 level2 level3 level4",
    ),
    (
        "ProvenanceEntity.role",
        "derivation revision quotation source removal",
    ),
    (
        "Quantity.comparator",
        "< <= >= >",
    ),
    (
        "QuestionnaireResponse.status",
        "in-progress completed amended entered-in-error stopped",
    ),
    (
        "RelatedArtifact.type",
        "documentation justification citation predecessor successor derived-from depends-on "
        "composed-of",
    ),
    (
        "ResearchStudy.status",
        "active administratively-completed approved closed-to-accrual "
        "closed-to-accrual-and-intervention completed disapproved in-review "
        "temporarily-closed-to-accrual temporarily-closed-to-accrual-and-intervention withdrawn",
    ),
    (
        "ResearchSubject.status",
        "candidate eligible follow-up ineligible not-registered off-study on-study "
        "on-study-intervention on-study-observation pending-on-study potential-candidate "
        "screening withdrawn",
    ),
    (
        "Slot.status",
        "busy free busy-unavailable busy-tentative entered-in-error",
    ),
    (
        "Specimen.status",
        "available unavailable unsatisfactory entered-in-error",
    ),
    (
        "SupplyDelivery.status",
        "in-progress completed abandoned entered-in-error",
    ),
    (
        "SupplyRequest.status",
        "draft active suspended cancelled completed entered-in-error unknown",
    ),
    (
        "Task.intent",
        "unknown proposal plan order original-order reflex-order filler-order instance-order "
        "option",
    ),
    (
        "Task.status",
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed "
        "completed entered-in-error",
    ),
    (
        "TimingRepeat.durationUnit TimingRepeat.periodUnit",
        "s min h d wk mo a",
    ),
    (
        "TimingRepeat.when",
        "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS "
        "HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV",
    ),
)
