/* scale/study_training.h - the study "training": how far tensor, pipeline and data parallel go, 16 to 16384 GPUs and the documents' plans.
 * Prints its own table; a record of kind plan for each cluster. */
#ifndef RB_SCALE_STUDY_TRAINING_H
#define RB_SCALE_STUDY_TRAINING_H

struct simulate_session;

int study_training(struct simulate_session *x);

#endif
